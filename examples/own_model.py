"""A failure model of one's own: radios that sleep for part of every period."""

from dataclasses import dataclass

from failure_api.core import CommunicationModel, Period, Rounds
from failure_api.testing import check_model


@dataclass(frozen=True, kw_only=True)
class DutyCycleModel(CommunicationModel):
    """Each link is awake for the first rounds of its period, which begins at a random moment."""

    period: Period
    awake: Rounds

    def init(self, parameters, context, random):
        return random.integers(0, self.period, context.shape)

    def step(self, parameters, state, links, context, random):
        phase = (state + context.round_over(2)) % self.period
        return state, links.lose(phase >= self.awake)

    def expected_loss(self):
        return 1 - self.awake / self.period


check_model(DutyCycleModel(period=5, awake=2))
