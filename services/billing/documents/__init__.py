"""An invoice as others take it in: the XML that programs read (EN 16931), and the PDF around it that people read.

The same invoice gives the same bytes: nothing here asks a clock, a random number or the machine's fonts.
"""

from services.billing.documents.faults import faults_of
from services.billing.documents.pages import Rendered, render

__all__ = ["Rendered", "faults_of", "render"]
