"""Sentences that BLEU and chrF are tried on, with one or two references; the last was left empty."""

REFERENCES = [
    ["Ein Mann mit 3,5 Äpfeln sitzt (allein) auf einer Bank.", "Ein Mann sitzt allein auf der Bank, mit 3,5 Äpfeln."],
    ["Zwei Hunde rennen über die Wiese.", "Zwei Hunde laufen auf der Wiese."],
    ["&quot;Halt!&quot;, ruft sie - und bleibt stehen.", '"Stopp!", sagt sie und bleibt stehen.'],
    ["Nein.", "Nein!"],
]
FIRST = [row[0] for row in REFERENCES]
SAID = [
    "ein Mann mit 3,5 Äpfeln sitzt auf der Bank.",
    "Zwei Hunde rennen auf der grünen Wiese .",
    '"Halt!", ruft sie und steht.',
    "",
]
