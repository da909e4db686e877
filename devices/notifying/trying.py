"""A message that only tries a target out."""

from devices.notifying.deliveries import Delivery
from devices.notifying.rules import Channel, Target
from devices.notifying.steps import Occasion
from devices.notifying.wording import payload, trial_words


def trial(target: Target, delivery_id: str, now_us: int) -> Delivery:
    """Say that nothing has happened."""
    words = trial_words(target.name, target.language)
    data = {"tenant_id": target.tenant_id, "language": target.language, "subject": words.subject, "text": words.body}
    body = words.body if target.channel is Channel.EMAIL else payload(delivery_id, Occasion.TEST, now_us, data)
    return Delivery(
        delivery_id=delivery_id,
        tenant_id=target.tenant_id,
        target_id=target.target_id,
        channel=target.channel,
        occasion=Occasion.TEST,
        subject=words.subject,
        body=body,
        created_us=now_us,
        next_attempt_us=now_us,
    )
