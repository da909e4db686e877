"""A message that only tries a target out."""

from application.notifications.deliveries import NotificationDelivery
from application.notifications.rule_evaluation import NotificationOccasion
from application.notifications.rules import NotificationChannel, NotificationTarget
from application.notifications.wording import trial_words, webhook_payload


def trial_message(target: NotificationTarget, delivery_id: str, now_us: int) -> NotificationDelivery:
    """Say that nothing has happened."""
    words = trial_words(target.name, target.language)
    data = {"tenant_id": target.tenant_id, "language": target.language, "subject": words.subject, "text": words.body}
    body = (
        words.body
        if target.channel is NotificationChannel.EMAIL
        else webhook_payload(delivery_id, NotificationOccasion.TEST, now_us, data)
    )
    return NotificationDelivery(
        delivery_id=delivery_id,
        tenant_id=target.tenant_id,
        target_id=target.target_id,
        channel=target.channel,
        occasion=NotificationOccasion.TEST,
        subject=words.subject,
        body=body,
        created_us=now_us,
        next_attempt_us=now_us,
    )
