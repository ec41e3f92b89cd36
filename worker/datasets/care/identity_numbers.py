"""Social-security style numbers of several countries: their forms, their words, their checks."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum import verhoeff
from stdnum.at import vnr
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import ssn

Check = Callable[[str], bool]


@dataclass(frozen=True)
class Form:
    """A country's number.

    Attributes:
        label: what must stand before it; empty where the number's form is particular enough.
        expression: finds it with its label; the group `value` is the number.
        holds: the check digits, or what else the number must fulfil.
    """

    label: str
    expression: re.Pattern[str]
    holds: Check


_LEADS = (
    r"(?:[ -]?(?:number|num\.?|no\.?|nr\.?|nummer|n[°º]|id))?(?: is| was| ist| est| es)?"
    r"[ \t]{0,2}[:#=]?[ \t]{0,3}"
)


def _alone(number: str, holds: Check) -> Form:
    """A number whose form is so particular that it needs no label."""
    return Form("", re.compile(rf"(?<![\w.,/-])(?P<value>{number})(?![\w-])(?![.,]\d)"), holds)


def _after(label: str, number: str, holds: Check) -> Form:
    """A number that is one only where a word says so."""
    expression = rf"(?<!\w)(?:{label})(?![^\W\d_]){_LEADS}(?P<value>{number})(?![\w-])(?![.,]\d)"
    return Form(label, re.compile(expression, re.IGNORECASE), holds)


def _any(_number: str) -> bool:
    """There is no check digit; the label and the form must do."""
    return True


FORMS = (
    _alone(r"\d{3}-\d{2}-\d{4}", ssn.is_valid),
    _after(r"SSN|social security", r"\d{3}[ -]?\d{2}[ -]?\d{4}", ssn.is_valid),
    _after(r"NHS", r"\d{3}[ -]?\d{3}[ -]?\d{4}", nhs.is_valid),
    _after(
        r"NINO|NI|national insurance",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]",
        _any,
    ),
    _alone(r"[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d", nir.is_valid),
    _alone(r"756\.\d{4}\.\d{4}\.\d\d", ahv.is_valid),
    _alone(r"\d{3}\.\d{3}\.\d{3}-\d\d", cpf.is_valid),
    _alone(r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", codicefiscale.is_valid),
    _after(
        r"Sozialversicherungs-?(?:nummer|nr\.?)|Rentenversicherungs-?(?:nummer|nr\.?)|RVNR|SVNR",
        r"\d\d ?(?:0[1-9]|[1-9]\d) ?\d{4} ?[A-Z] ?\d{3}",
        _any,
    ),
    _after(r"SVNR|SV-Nummer|Sozialversicherungs-?(?:nummer|nr\.?)", r"\d{4} ?\d{6}", vnr.is_valid),
    _after(
        r"Steuer-?ID(?:entifikationsnummer)?|Steuerliche Identifikationsnummer|IdNr\.?",
        r"\d\d ?\d{3} ?\d{3} ?\d{3}",
        idnr.is_valid,
    ),
    _after(r"DNI|NIF", r"\d{8}[ -]?[A-Z]", dni.is_valid),
    _after(r"NIE", r"[XYZ][ -]?\d{7}[ -]?[A-Z]", nie.is_valid),
    _after(r"BSN|burgerservicenummer", r"\d{3}[ .]?\d{3}[ .]?\d{3}", bsn.is_valid),
    _after(
        r"Rijksregister|NISS|registre national", r"\d\d\.?\d\d\.?\d\d-?\d{3}\.?\d\d", nn.is_valid
    ),
    _after(r"personnummer", r"(?:\d\d)?\d{6}[-+ ]?\d{4}", personnummer.is_valid),
    _after(r"HETU|henkilötunnus", r"\d{6}[-+A]\d{3}[0-9A-Z]", hetu.is_valid),
    _after(r"PESEL", r"\d{11}", pesel.is_valid),
    _after(r"SIN|social insurance", r"\d{3}[ -]?\d{3}[ -]?\d{3}", sin.is_valid),
    _after(
        r"Aadhaar", r"[2-9]\d{3} ?\d{4} ?\d{4}", lambda found: verhoeff.is_valid(_digits(found))
    ),
)


_ANY_LABEL = re.compile(
    rf"(?<!\w)(?:{'|'.join(form.label for form in FORMS if form.label)})(?![^\W\d_])",
    re.IGNORECASE,
)


def identity_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where in the text the numbers stand, from and to."""
    has_label = _ANY_LABEL.search(text) is not None
    for form in FORMS:
        if form.label and not has_label:
            continue
        for match in form.expression.finditer(text):
            if form.holds(match["value"]):
                yield match.span("value")


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
