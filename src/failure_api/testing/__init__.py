"""The laws, as checks that anyone can run on their own models and environments.

1. **Truthful spaces.** Every observation is in its declared space, with the same keys, shapes and
   dtypes in every step. `action_mask` passes through untouched, with further entries at most for
   a message that actions carry.
2. **One round per environment step**, the same in AEC and Parallel. Turn-based AEC environments
   tick once a turn.
3. **Looking changes nothing.** `observe` and `last` are idempotent.
4. **Determinism.** `reset(seed)` fixes every draw; `reset()` goes on; the environment's own
   randomness is the same with and without the wrapper.
5. **No failure, no change.** Without failures, rewards, terminations, infos and each agent's own
   part are bit for bit the environment's.
6. **Own senses are the agent's own.** No model touches what an agent knows of itself, nor its
   action.
7. **What is handed out stays as it is.** No returned object is shared between agents or changed
   later.
8. **Failures are not deaths.** `agents` is the environment's. A dead agent sends and receives
   nothing.
9. **Episodes do not leak.**
10. **It travels.** Wrappers and models pickle and deep-copy, and go on identically; where the
   environment below cannot, the copy says `NotResetError`.
11. **A user's mistake is one sentence.**

What the bare environment breaks by itself is not held against its wrapper: an
`EnvironmentLawError` says what that is, once everything else has been checked.
"""

from failure_api.testing.model_laws import check_model
from failure_api.testing.noise_laws import check_noise_model
from failure_api.testing.wrapper_laws import check_wrapper

__all__ = ["check_model", "check_noise_model", "check_wrapper"]
