"""MQTT filters as subjects of NATS."""


def filter_subjects(base: str, tail: str) -> list[str]:
    """NATS subjects of an MQTT filter; `x/#` matches `x` too and needs two."""
    subject = f"{base}/{tail}".replace("/", ".").replace("+", "*")
    return [subject.removesuffix(".#"), subject.removesuffix("#") + ">"] if tail.endswith("#") else [subject]
