"""E-mails as their readers see them: one catalogue per language, one layout for HTML and one for plain text.

A third language is one more file in `catalogues`, named after its code, with the same keys, and with the forms of
plurals that it has (CLDR), of which `other` stands for those that are missing.
"""

from services.notifier.texts.answers import AnswerLink, Answers
from services.notifier.texts.letters import Content, content_of
from services.notifier.texts.mail import mail_of, message_id_of, thread_of

__all__ = ["AnswerLink", "Answers", "Content", "content_of", "mail_of", "message_id_of", "thread_of"]
