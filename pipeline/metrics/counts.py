"""The names of what shards count. A count is an integer that adds up, whatever the order and the batches.

Times are in ms, scores that may be fractions in hundredths, their squares in the square of that.
"""

from __future__ import annotations

from typing import Final

# --- said in surveys, and by employees ---------------------------------------------------------------

PROMOTERS: Final = "nps_promoters"
PASSIVES: Final = "nps_passives"
DETRACTORS: Final = "nps_detractors"
CSAT_COUNT: Final = "csat_count"
CSAT_SUM: Final = "csat_sum"
CSAT_SQUARES: Final = "csat_squares"
CSAT_SATISFIED: Final = "csat_satisfied"
CES_COUNT: Final = "ces_count"
CES_SUM: Final = "ces_sum"
CES_SQUARES: Final = "ces_squares"
GAP_COUNT: Final = "expectation_gap_count"
GAP_SUM: Final = "expectation_gap_sum"
GAP_SQUARES: Final = "expectation_gap_squares"
TONE_COUNT: Final = "tone_count"
TONE_SUM: Final = "tone_sum"
TONE_SQUARES: Final = "tone_squares"
GOALS: Final = "goals_asked"
GOALS_REACHED: Final = "goals_reached"
EMPLOYEE_PROMOTERS: Final = "enps_promoters"
EMPLOYEE_PASSIVES: Final = "enps_passives"
EMPLOYEE_DETRACTORS: Final = "enps_detractors"
#: People who are told of bad experiences: of each, as many as the settings say.
TOLD: Final = "people_told"
#: Answers and reviews that tell a bad experience.
UNHAPPY: Final = "unhappy"
#: Points of engagement, as the settings weigh events, and the events that have some.
ENGAGEMENT: Final = "engagement_points"
ENGAGED: Final = "engaged"

# --- service -----------------------------------------------------------------------------------------

CONTACTS: Final = "contacts"
CONTACTS_RESOLVED: Final = "contacts_resolved"
CONTACTS_AT_ONCE: Final = "contacts_resolved_at_once"
CONTACTS_REOPENED: Final = "contacts_reopened"
REPLIES_TOLD: Final = "replies_answered_by_known"
REPLIES_HUMAN: Final = "replies_answered_by_human"
HELPED_THEMSELVES: Final = "selfservice_resolved"
HELPED_IN_VAIN: Final = "selfservice_failed"

# --- reviews and reputation --------------------------------------------------------------------------

REVIEW_COUNT: Final = "review_count"
REVIEW_RATING: Final = "review_rating_hundredths"
REVIEW_SQUARES: Final = "review_rating_squares"
REVIEW_ANSWERED: Final = "review_answered"
REVIEW_NEGATIVE: Final = "review_negative"
MENTIONS: Final = "mentions"
MENTIONS_REACH: Final = "mentions_reach"
MENTION_SENTIMENT_COUNT: Final = "mention_sentiment_count"
MENTION_SENTIMENT_SUM: Final = "mention_sentiment_hundredths"
MENTION_SENTIMENT_SQUARES: Final = "mention_sentiment_squares"

# --- behaviour ---------------------------------------------------------------------------------------

VISITS: Final = "visits"
VISITS_ENDED: Final = "visits_with_outcome"
VISITS_LOST: Final = "visits_lost"
EMOTION_COUNT: Final = "emotion_count"
EMOTION_SUM: Final = "emotion_hundredths"
EMOTION_SQUARES: Final = "emotion_squares"
LAST_STEPS: Final = "last_steps"
LAST_STEPS_LOST: Final = "last_steps_lost"
STAGE_REACHED: Final = "stage_reached"
STAGE_PASSED: Final = "stage_passed"
PURCHASES: Final = "purchases"
PURCHASES_AGAIN: Final = "purchases_again"
ORDER_VALUE_COUNT: Final = "order_value_count"
ORDER_VALUE_SUM: Final = "order_value_hundredths"
STEPS_COUNT: Final = "purchase_steps_count"
STEPS_SUM: Final = "purchase_steps_sum"
STEPS_SQUARES: Final = "purchase_steps_squares"
DELIVERED: Final = "orders_delivered"
RETURNED: Final = "orders_returned"
JOINED: Final = "customers_joined"
RENEWED: Final = "customers_renewed"
CHURNED: Final = "customers_churned"
VALUE_COUNT: Final = "customer_value_count"
VALUE_SUM: Final = "customer_value_hundredths"
REFERRALS: Final = "referrals"
SHARES: Final = "shares"

# --- promises, and the loop itself -------------------------------------------------------------------

PROMISES_SETTLED: Final = "promises_settled"
PROMISES_KEPT: Final = "promises_kept"
PROMISES_BROKEN: Final = "promises_broken"
PROMISES_IN_TIME: Final = "promises_kept_in_time"
FOLLOWUPS_CLOSED: Final = "followups_closed"
FOLLOWUPS_IN_TIME: Final = "followups_closed_in_time"
HELPED_AGAIN: Final = "scores_after_followup"
HELPED_RECOVERED: Final = "recovered_after_followup"
ALONE_AGAIN: Final = "scores_without_followup"
ALONE_RECOVERED: Final = "recovered_without_followup"

# --- lengths of time: a count, a sum in ms, and buckets each -----------------------------------------

FIRST_RESPONSE: Final = "first_response"
RESPONSE: Final = "response"
RESOLUTION: Final = "resolution"
REVIEW_ANSWER: Final = "review_answer"
PURCHASE: Final = "purchase"
FOLLOWUP_CONTACT: Final = "followup_contact"
FOLLOWUP_CLOSING: Final = "followup_closing"
#: What is behind the name of one.
TIMES_COUNT: Final = "_count"
TIMES_SUM: Final = "_ms"
TIMES_BUCKET: Final = "_bucket_"
TIMED: Final = frozenset(
    (FIRST_RESPONSE, RESPONSE, RESOLUTION, REVIEW_ANSWER, PURCHASE, FOLLOWUP_CONTACT, FOLLOWUP_CLOSING)
)

#: What customers say themselves.
FEEDBACK: Final = (PROMOTERS, PASSIVES, DETRACTORS, CSAT_COUNT, CES_COUNT, GAP_COUNT, GOALS, REVIEW_COUNT)

#: What the counts of events begin with that rules count themselves, and what says so of the series that they are in.
OF_RULES: Final = "="

#: What is counted now, rather than in a window → the dimension that tells it apart ("": none).
LEVELS: Final = {"contacts_open": "channel", "reviews_waiting": "platform", "promises_overdue": ""}
