"""Jammers: where they are, when they send, and what that does."""

from failure_api.communication_models.jamming.effects import BlockReception as BlockReception
from failure_api.communication_models.jamming.effects import BurstyJamming as BurstyJamming
from failure_api.communication_models.jamming.effects import ConstantJamming as ConstantJamming
from failure_api.communication_models.jamming.effects import Detection as Detection
from failure_api.communication_models.jamming.effects import Effect as Effect
from failure_api.communication_models.jamming.effects import Pattern as Pattern
from failure_api.communication_models.jamming.effects import PeriodicJamming as PeriodicJamming
from failure_api.communication_models.jamming.effects import RaiseInterference as RaiseInterference
from failure_api.communication_models.jamming.effects import RandomJamming as RandomJamming
from failure_api.communication_models.jamming.model import JammingModel as JammingModel
from failure_api.communication_models.jamming.positions import CarriedJammers as CarriedJammers
from failure_api.communication_models.jamming.positions import FixedJammers as FixedJammers
from failure_api.communication_models.jamming.positions import Jammers as Jammers
from failure_api.communication_models.jamming.positions import MovingJammers as MovingJammers
from failure_api.communication_models.jamming.positions import ScheduledJammers as ScheduledJammers
