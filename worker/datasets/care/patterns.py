"""Expressions for personal data, each found by its form; what has a check digit is checked after.

Every expression begins where no letter or digit stands before it and repeats at most so often, so
that no text takes longer than in proportion to its length.
"""

import re

EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])")

IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")

CARD = re.compile(
    r"(?<![\w.,/-])(?:\d{14,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}"
    r"|\d{4}([ -])\d{6}\2\d{4,5})(?![\w-])"
)

IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
VERSION_BEFORE = re.compile(
    r"(?:\bv|version|release|section|chapter|table|figure|§)\s*\Z", re.IGNORECASE
)
IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")

_MONTHS = (
    r"(?:jan(?:uary|uar|vier|uari)?|jänner|ene(?:ro)?|gennaio|feb(?:ruary|ruar|rero|braio|ruari)?"
    r"|f[ée]vr(?:ier)?|mar(?:ch|s|zo)?|märz|maart|apr(?:il|ile)?|avril|abril|may|mai|mayo|maggio"
    r"|mei|june?|juni|juin|junio|giugno|july?|juli|juil(?:let)?|julio|luglio|aug(?:ust|ustus)?"
    r"|août|agosto|sep(?:t(?:ember|embre|iembre)?)?|settembre|oct(?:ober|obre)?|okt(?:ober)?"
    r"|octubre|ottobre|nov(?:ember|embre|iembre)?|de[cz](?:ember)?|d[ée]cembre|diciembre|dicembre)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_DATE = (
    rf"(?:{_YEAR}(?P<iso>[-/.]){_MONTH}(?P=iso){_DAY}"
    rf"|{_DAY}(?P<day>[-/.] ?){_MONTH}(?P=day)(?:{_YEAR}|\d\d)"
    rf"|{_MONTH}(?P<us>[-/]){_DAY}(?P=us)(?:{_YEAR}|\d\d)"
    rf"|{_DAY}(?:st|nd|rd|th|er|º|\.)?[ -](?:of |de )?{_MONTHS}\.?,?[ -](?:de[l]? )?{_YEAR}"
    rf"|{_MONTHS}\.? {_DAY}(?:st|nd|rd|th)?,? {_YEAR})"
)
_BIRTH_WORD = (
    r"(?:born|birth(?:date|day)?|date of birth|d\.?o\.?b\.?|geb(?:oren(?:e[rn]?)?|\.)"
    r"|geburts(?:datum|tag)|n[ée]e? le|naissance|nacid[oa]|nacimiento|nat[oa] il|nascita"
    r"|nascid[oa]|nascimento|geboren|geboortedatum|född|födelsedatum)"
)
BIRTH_DATE = re.compile(
    rf"(?<!\w){_BIRTH_WORD}(?!\w)(?:[^\d\n]|\n(?!\n)){{0,30}}?(?<!\w)(?P<value>{_DATE})(?!\d)",
    re.IGNORECASE,
)

_NUMBER_WORD = r"(?:number|num\.?|no\.?|nr\.?|id|#)"
RECORD_NUMBER = re.compile(
    r"(?<!\w)(?:MRN|NHC|KVNR|(?:medical|health|hospital|clinical|patient)[ -](?:record|chart|file)"
    rf"(?: {_NUMBER_WORD})?|(?:patient|chart|hospital|health insurance|health card|member|policy)"
    rf"(?:['\u2019]s)?[ -]{_NUMBER_WORD}|(?:patienten|fall|(?:kranken)?versicherten|akten)-?"
    r"(?:nummer|nr\.?|id)|(?:num[ée]ro|n[°º]|no) (?:de |du )?(?:dossier|patient|s[ée]jour)"
    r"|(?:n[úu]mero|n[°º]) de (?:historia|paciente|expediente)|historia cl[íi]nica"
    r"|(?:numero|n[°º]) (?:di )?(?:cartella|paziente))"
    r"(?![^\W\d_])(?: is| was| ist| est| es)?[ \t]{0,3}[:#=]?[ \t]{0,3}(?:(?:no|nr|n[°º])\.? ?)?"
    r"(?P<value>(?:[A-Za-z]{1,4}[-/ ]?)?\d(?:[-/]?[A-Za-z0-9]){3,19})(?![\w%])(?!\.\d)",
    re.IGNORECASE,
)

_TITLES = (
    r"(?:Dr|Prof|Professor|Doctor|Mr|Mrs|Ms|Miss|Mx|Herrn?|Frau|Mme|Mlle|Monsieur|Madame|Señora?"
    r"|Sra|Dott|Dottor|Dottoressa|Sig|Signora?|Dra|Mevrouw|Meneer)"
)
_NAME_WORD = (
    r"(?:[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+(?:(?!['\u2019]s(?!\w))['\u2019-][A-ZÀ-ÖØ-Þ]?[a-zß-öø-ÿ]+)*"
    r"|[A-ZÀ-Ý]['\u2019][A-Z][a-z]+|[A-ZÀ-ÖØ-Þ]{3,20}(?![A-Za-z]))"
)
_INITIAL = r"(?:[A-Z]\.)"
_PARTICLE = r"(?:v[oa]n|der?|den|di|da|la|le|del|zu|al|bin|ten|ter)"
_NAME = rf"(?:(?:{_INITIAL}|{_NAME_WORD}) ?-?){{0,2}}(?:(?<= ){_PARTICLE} ){{0,2}}{_NAME_WORD}"
TITLED_NAME = re.compile(
    rf"(?<![\w.-])(?:{_TITLES}\.?[ \u00a0])(?:{_TITLES}\.?[ \u00a0]|(?:med|rer|nat|phil)\. ){{0,4}}"
    rf"(?P<value>{_NAME})(?![\w])"
)
LABELLED_NAME = re.compile(
    r"(?<!\w)(?:(?i:(?:patient|client|full|nom du|nom de la|nome del|name des|name der|nombre del)"
    r"(?:['\u2019]s)?[ -](?:name|patient(?:e|en|in)?|paciente|paziente)|name of (?:the )?patient)"
    r"|[Pp]atient(?:in|e)?|[Pp]aciente|[Pp]aziente)"
    rf" ?:[ \t]{{0,3}}(?P<value>(?:(?:{_INITIAL}|{_NAME_WORD}) ){{1,2}}{_NAME_WORD}"
    rf"|{_NAME_WORD}, {_NAME_WORD})(?!\w)"
)
NOT_NAMES = frozenset(
    (
        *("President", "Universe", "World", "America", "Right", "Perfect", "Hyde", "Strange"),
        *("Evil", "Potter", "Who", "No", "Yes", "Hello", "Hi", "Good"),
        *("Thank", "Thanks", "The", "This", "That", "What", "How", "Why"),
        *("When", "Where", "You", "Your", "We", "It", "Is", "Are"),
        *("Do", "Does", "In", "On", "At", "And", "Or", "If"),
        *("For", "Please", "Sorry", "Okay", "Speaker", "Chairman", "Chairwoman", "Secretary"),
        *(
            "Minister",
            "Ambassador",
            "Kollegin",
            "Kollege",
            "Doktor",
            "Professor",
            "Professorin",
            "Not",
        ),
        *("Of"),
    )
)
"""First words that make a title no title: Mr President, Miss Universe, Patient: Hello Doctor."""

PHONE_LABEL = re.compile(
    r"(?<!\w)(?:(?:tel(?:e(?:phone|fon|fono|foon))?|phone|t[ée]l(?:[ée]phone)?|fax|whatsapp|hotline"
    r"|call(?: us| me)?(?: at| on)?|rufnummer|(?:mobile|cell|contact) (?:phone|number|no))"
    r"(?: number| no| nr)?[.:]{0,2}|(?:mobile?|cell|contact|handy|m[óo]vil|portable)(?:nr)?\.?:)"
    r"[ \t]{0,3}(?P<value>(?:\+|\()?\d(?:[ ()./-]{0,2}\d){6,14})(?![\w%])",
    re.IGNORECASE,
)
"""A number behind a word; words with other meanings, as a cell's, only with a colon."""
INTERNATIONAL = re.compile(r"(?<![\w+.,])(?:\+|00)[1-9](?:[ ().\u00a0/-]{0,3}\d){7,14}(?![\w%])")
AMERICAN = re.compile(
    r"(?<![\w.,+/-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d(?P<by>[ .-]))"
    r"[2-9]\d\d(?(by)(?P=by)|[ .-])\d{4}(?![\w%]|[.,-]\d)"
)
NATIONAL = re.compile(
    r"(?<![\w.,+/-])(?<!\d )(?:0[1-9](?P<by>[ .-])\d\d(?:(?P=by)\d\d){3}|\(0[1-9]\d{1,4}\) ?\d{3,8}"
    r"(?:[ -]\d{2,6}){0,2}|0[1-9]\d{1,3}[ /-]{1,3}\d{3,8}(?:[ -]\d{2,6}){0,2}|0[67]\d{8,9})"
    r"(?![\w%]|[.,-]\d)"
)
NOT_A_PHONE_BEFORE = re.compile(
    r"(?:PMID|PMC|DOI|ISBN(?:-1[03])?|ISSN|NCT|grant|trial|accession|CAS|EC|ID|no\.|number|nr\.|#)"
    r"[:# ]{0,3}\Z",
    re.IGNORECASE,
)
