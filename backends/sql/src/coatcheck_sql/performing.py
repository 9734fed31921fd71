"""Carries an operation out on a connection of a pool: the part that blocking and async stores share.

It is plain blocking code. SQLAlchemy runs it for async stores too, in a greenlet
that gives the loop its turn wherever the driver waits.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine, event

from coatcheck.errors import StoreUnavailable
from coatcheck_sql.calls import CURRENT, Call
from coatcheck_sql.drivers import DRIVERS
from coatcheck_sql.layout import Layout
from coatcheck_sql.statements import Execute, Result, Statement

__all__ = ["Performer"]

Args = TypeVarTuple("Args")
T = TypeVar("T")
Operation: TypeAlias = Callable[[Execute, *Args], T]

MOST_ATTEMPTS = 10
"""How often an operation that the server took back is sent again."""

MOST_DEAD = 200
"""How many dead connections of a pool are thrown away for one call, against an endless loop."""


class Performer:
    """Carries operations out on the connections of one engine.

    ``connect`` returns a connection for a call; who gives it decides how to wait.
    """

    def __init__(
        self, engine: Engine, layout: Layout, connect: Callable[[Engine, Call], Connection], *, own: bool
    ) -> None:
        self._engine = engine
        self._own = own
        self._layout = layout
        self._connect = connect
        self._driver = DRIVERS[engine.driver]
        self._prepared = False
        self.retired = False
        """Whether the engine is closed, so that a connection that comes back is of no use."""

    def perform(self, call: Call, operation: Operation[*Args, T], repeat: bool, /, *args: *Args) -> T:
        """Return what the operation returns, or raise one of the contract's errors.

        A lost connection is followed by one more attempt if ``repeat`` allows it: what
        only reads, or may be done twice. What the server says it took back is sent again.
        """
        attempts = 0
        while True:
            attempts += 1
            try:
                return self._attempt(call, operation, *args)
            except Exception as error:
                fault = self._layout.faults.judge(error)
                if call.expired or (fault.lost and call.left <= 0):
                    raise call.too_late(error) from error
                again = (fault.undone and attempts < MOST_ATTEMPTS) or (
                    fault.lost and repeat and attempts == 1
                )
                if again and call.left > 0:
                    continue
                if fault.error is error:
                    raise
                raise fault.error from (None if fault.shows_data else error)

    def _attempt(self, call: Call, operation: Operation[*Args, T], /, *args: *Args) -> T:
        connection = self._living_connection(call)
        raw, info = connection.connection, connection.info

        def execute(statement: Statement, values: Mapping[str, object]) -> Result:
            cursor = raw.cursor()
            cursor.execute(statement.sql, statement.bind(values))
            rows = cursor.fetchall() if statement.returns else ()
            result = Result(rows, cursor.rowcount)
            cursor.close()
            return result

        try:
            if call.expired:
                raise call.too_late()
            if not self._own:
                # For as long as it is borrowed; the pool restores it.
                connection.execution_options(isolation_level="AUTOCOMMIT")
            if not self._prepared:
                self._layout.prepare(execute)
                self._prepared = True
            self._layout.hold_to(execute, info, call.left)
            result = operation(execute, *args)
            if not self._own:
                self._layout.let_go(execute, info)
        except BaseException as error:
            self._part_with(connection, call, error)
            raise
        if self._own:
            call.detach()
        if self.retired:
            connection.invalidate()
        # Settings of the application's connections are restored here, which may ask the server.
        connection.close()
        call.detach()
        return result

    def _living_connection(self, call: Call) -> Connection:
        """Check a connection out; one that died while it was idle is replaced."""
        for _ in range(MOST_DEAD):
            connection = self._connect(self._engine, call)
            driver_connection: Any = connection.connection.driver_connection
            call.attach(driver_connection)
            if call.expired or not self._driver.is_dead(driver_connection):
                return connection
            call.detach()
            connection.invalidate()
            connection.close()
        raise StoreUnavailable("the database ends every connection as soon as it is made")

    def _part_with(self, connection: Connection, call: Call, error: BaseException) -> None:
        """Give a connection back after an error, or throw it away if it may be of no use."""
        fault = self._layout.faults.judge(error) if isinstance(error, Exception) else None
        if call.expired or fault is None or fault.lost:
            # Cut first: a driver would take leave of the server, and wait for its answer.
            self._driver.cut(connection.connection.driver_connection)
            connection.invalidate(error)
        connection.close()
        call.detach()


def connect_within(
    engine: Engine, connect: Callable[[Call, Callable[[], Any], Callable[[Any], object]], Any]
) -> None:
    """Make the engine's connections under the deadline of the call for which they are made."""
    driver = DRIVERS[engine.driver]

    def do_connect(dialect: Any, _record: object, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
        def discard(late: Any) -> None:
            driver.cut(dialect.get_driver_connection(late))
            dialect.do_terminate(late)

        call = CURRENT.get()
        if call is None:
            return None
        made = connect(call, lambda: dialect.connect(*positional, **named), discard)
        # What follows asks the server too: settings, and at the first time its version.
        call.attach(dialect.get_driver_connection(made))
        return made

    event.listen(engine, "do_connect", do_connect)
