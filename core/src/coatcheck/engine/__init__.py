"""All decisions about a session, without I/O.

``loading`` finds the session of a request, ``committing`` ends the request, and
``writing`` has the loops between; they are flows (see ``calls``) over a
:class:`State`. ``decisions`` and ``merge`` are pure functions.
"""

from coatcheck.engine.calls import Call, Flow, Wait
from coatcheck.engine.committing import Outcome, commit
from coatcheck.engine.loading import begin, load
from coatcheck.engine.state import Context, State

__all__ = ["Call", "Context", "Flow", "Outcome", "State", "Wait", "begin", "commit", "load"]
