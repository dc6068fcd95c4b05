"""Known settings, each with its source."""

from failure_api.presets.darpa_subt import darpa_subt
from failure_api.presets.esp_now import esp_now
from failure_api.presets.jepsen import jepsen
from failure_api.presets.netem import netem
from failure_api.presets.uav_80211 import uav_80211

__all__ = ["darpa_subt", "esp_now", "jepsen", "netem", "uav_80211"]
