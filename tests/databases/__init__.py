"""Real database servers for the tests, started when a test first asks for one.

A test names the kind of server it needs::

    def test_a_record_is_kept(databases: Databases) -> None:
        server = databases.get("redis-8.2")
        client = redis.Redis.from_url(server.url)

``get`` takes the server from where it can be had: a URL in the environment, a container, or a program of
this machine (PATH, Debian's folders, a wheel), which is started on a free port of the loopback interface,
once for the whole run, and is ended with it. Where none can be had the test is skipped with the reason, or
fails if COATCHECK_REQUIRE_SERVERS is ``all`` or a list that names the kind. ``own`` is for tests that pause
or kill a server: it never returns one that somebody else started.

Tests share servers: each works in a namespace of its own, and leaves the server running.

=====================  ========================  =====================================================
kind                   variable of a URL         what it is
=====================  ========================  =====================================================
redis-6.2, redis-7.0                             the versions before
redis-8.2              COATCHECK_TEST_REDIS_URL  the newest, or the one behind the URL
redis-cluster                                    three masters of 8.2
redis-sentinel                                   a master, a replica and three sentinels of 8.2
mongodb                COATCHECK_TEST_MONGO_URL  one server
mongodb-replica-set                              three members
postgresql             COATCHECK_TEST_POSTGRES_URL
postgresql-new-york                              the same in the time zone America/New_York
mariadb                COATCHECK_TEST_MYSQL_URL
=====================  ========================  =====================================================

A :class:`~databases.server.Server` has ``url``, ``version`` and, where ``ours`` is True, ``pause()``,
``resume()``, ``kill()`` and ``restart()``; ``failover()`` moves the master of ``redis-sentinel`` or the
primary of ``mongodb-replica-set``. ``open_proxy(server)`` puts a :class:`~databases.proxy.Proxy` before a
server: it counts round trips, refuses, freezes, delays, cuts, and swallows the answers to chosen requests::

    def test_a_lost_answer(databases: Databases, open_proxy: OpenProxy) -> None:
        server = databases.get("redis-8.2")
        proxy = open_proxy(server)
        store = open_store(server.url_at(proxy.port))
        proxy.drop_replies(to=b"marker")
"""
