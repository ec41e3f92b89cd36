"""Answers that refuse, in English, German, French and Spanish.

A long answer that begins with a reservation is none: only one that says little else.
"""

import re

LONGEST = 300  # characters of an answer that is essentially a refusal

_SORRY = (
    r"(?:(?:i['\u2019]?m|i am) (?:\w+ )?(?:sorry|afraid)|sorry|unfortunately|(?:i|my) apologi\w+"
    r"|(?:es )?tut mir (?:\w+ )?leid|leider|entschuldigung|ich bedauere"
    r"|(?:je suis )?d[ée]sol[ée]e?|malheureusement|lo siento|lamentablemente|lo lamento)"
    r"(?:[,.:;!]| (?:that|for \w+ \w+)[,.]?)* ?(?:but |aber |mais |pero )?"
)
_MODEL = (
    r"(?:as an? (?:\w+ ){0,3}(?:ai|model|assistant)\b[^,.]{0,40},? ?"
    r"|als (?:\w+-?){0,2}(?:ki|sprachmodell|assistent)\b[-\w]*,? ?"
    r"|en tant qu(?:e |['\u2019])(?:\w+ ){0,2}(?:ia|mod[èe]le|assistant)[^,.]{0,40},? ?"
    r"|como (?:\w+ ){0,2}(?:ia|modelo|asistente)[^,.]{0,40},? ?)"
)
_DO = {
    "en": r"help|assist|answer|provide|fulfil|comply|do (?:that|this)|support|engage|generate"
    r"|create|discuss|share|write|give|respond|complete|process|participate|access|offer|continue",
    "de": r"helfen|weiterhelfen|beantworten|antworten|unterst[üu]tzen|geben|erstellen|schreiben"
    r"|erf[üu]llen|nachkommen|machen|tun|liefern|bereitstellen",
    "fr": r"aider|r[ée]pondre|fournir|donner|cr[ée]er|[ée]crire|satisfaire|acc[ée]der|faire",
    "es": r"ayudar\w*|responder|proporcionar\w*|dar|crear|escribir|cumplir|acceder|hacer\w*",
}
_CANNOT = (
    r"(?:(?:i|we) (?:simply )?(?:can(?:no|['\u2019]| no)?t|am (?:not able|unable)|are unable"
    r"|won['\u2019]?t|will not|am not (?:allowed|permitted|programmed|designed|comfortable)"
    r"|could not|must (?:respectfully )?decline|have to decline)(?: to)?(?: be able to)?"
    rf"(?:(?: \w+)? (?:{_DO['en']})|\W*\Z)"
    r"|i (?:do not|don['\u2019]?t) have (?:the ability|access|enough information|personal)"
    r"|(?:(?:dabei |damit |darauf |hierbei |da )?(?:kann|darf|m[öo]chte|werde) ich"
    r"|ich (?:kann|darf|werde|m[öo]chte|bin))"
    rf" (?:[^.!?]{{0,80}} )?(?:nicht|keine?n?)\b[^.!?]{{0,80}}?\b(?:{_DO['de']})\b"
    rf"|je ne (?:peux|puis|suis)[^.!?]{{0,60}}?\b(?:{_DO['fr']})"
    r"|il m['\u2019]est impossible"
    rf"|(?:yo )?no (?:puedo|me es posible|estoy en condiciones)[^.!?]{{0,60}}?\b(?:{_DO['es']}))"
)
_REFUSAL = re.compile(rf"\W*(?:{_SORRY})?(?:{_MODEL})?(?:{_SORRY})?{_CANNOT}", re.IGNORECASE)


def is_refusal(answer: str) -> bool:
    """Whether the answer is essentially a refusal."""
    text = answer.strip()
    return len(text) <= LONGEST and _REFUSAL.match(text) is not None
