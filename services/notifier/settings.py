"""What the notifier worker is told by its environment."""

from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FilePath, SecretStr, StringConstraints, model_validator

from shared.contracts.values import is_email
from shared.settings import FileSettings, LinkSettings


def address_of(text: str) -> Address:
    """The address in `Name <user@domain>` or `user@domain`. Raises ValueError where it is neither."""
    name, spec = parseaddr(text)
    if not text.isprintable():
        raise ValueError("must be one line")
    if not is_email(spec):
        raise ValueError(
            "must be an address such as 'Tandem <tandem@example.com>', in ASCII but for the name;"
            " a domain of other letters as 'xn--…'"
        )
    return Address(display_name=name, addr_spec=spec)


def _is_address(text: str) -> str:
    address_of(text)
    return text


class Settings(LinkSettings, FileSettings):
    """The mail server that takes our e-mails, whom they are from, where links in them lead, and where invoices lie."""

    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")] = Field(
        description="where people reach the gateway", examples=["https://tandem.example.com"]
    )

    smtp_host: str = Field(min_length=1)
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        default="starttls", description="starttls and tls verify the server's certificate and name"
    )
    smtp_ca_file: FilePath | None = Field(
        default=None, description="certificates to trust instead of the machine's, for a mail server with its own CA"
    )
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_sender: Annotated[str, AfterValidator(_is_address)] = Field(examples=["Tandem <tandem@example.com>"])

    notifications_kept_days: int = Field(
        default=90, ge=1, description="how long it is known whom was written to, and what; then only that it was"
    )

    @model_validator(mode="after")
    def _a_password_is_for_a_user_and_never_in_the_clear(self) -> Self:
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("TANDEM_SMTP_USER and TANDEM_SMTP_PASSWORD go together")
        if self.smtp_user is not None and self.smtp_security == "none":
            raise ValueError("TANDEM_SMTP_SECURITY must be starttls or tls where there is a password")
        return self
