package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer.Data;
import dev.holdfast.cache.testkit.RedisServer.Persistence;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Execution(ExecutionMode.CONCURRENT)
class RedisServerTest {
    private static final Duration SECONDS = Duration.ofSeconds(20);

    @Test
    void answersFromTheStart() throws IOException {
        try (RedisServer redis = RedisServer.start();
                RespConnection client = connect(redis)) {
            assertEquals("PONG", client.call("PING"));
            assertEquals("redis://127.0.0.1:" + redis.port(), redis.url());
            assertTrue(redis.isRunning());
        }
    }

    @Test
    void keepsEveryByteAsItIs() {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) i;
        }
        try (RedisServer redis = RedisServer.start()) {
            redis.command("SET".getBytes(UTF_8), all, all);
            assertArrayEquals(all, (byte[]) redis.command("GET".getBytes(UTF_8), all));
        }
    }

    @Test
    void repliesComeAsTextNumbersListsAndNull() {
        try (RedisServer redis = RedisServer.start()) {
            assertEquals("OK", redis.command("SET", "k", "grün"));
            assertEquals("grün", redis.command("GET", "k"));
            assertEquals(1L, redis.command("EXISTS", "k"));
            assertEquals(Arrays.asList("grün", null), redis.command("MGET", "k", "none"));
            assertNull(redis.command("GET", "none"));
            String error = assertThrows(IllegalStateException.class, () -> redis.command("LPUSH", "k", "v"))
                    .getMessage();
            assertTrue(error.startsWith("WRONGTYPE"), error);
        }
    }

    @Test
    void killedItRefusesConnectionsUntilItIsRestartedOnTheSamePort() throws IOException {
        try (RedisServer redis = RedisServer.start()) {
            int port = redis.port();
            long pid = redis.pid();
            redis.kill();
            assertFalse(redis.isRunning());
            assertThrows(ConnectException.class, () -> connect(redis));
            redis.kill();
            redis.restart(Data.KEEP);
            assertEquals(port, redis.port());
            assertNotEquals(pid, redis.pid());
            try (RespConnection client = connect(redis)) {
                assertEquals("PONG", client.call("PING"));
            }
        }
    }

    @Test
    void frozenItAcceptsAndSaysNothingUntilItIsThawed() throws IOException {
        try (RedisServer redis = RedisServer.start();
                RespConnection before = connect(redis)) {
            redis.freeze();
            assertTrue(redis.isRunning());
            before.timeout(Duration.ofMillis(100));
            assertThrows(SocketTimeoutException.class, () -> before.call("PING"));
            try (RespConnection during = connect(redis)) {
                redis.thaw();
                assertEquals("PONG", during.call("PING"));
            }
            before.timeout(SECONDS);
            assertEquals("PONG", before.receive());
        }
    }

    @Test
    void frozenItCanBeRestartedStoppedAndClosed() {
        RedisServer redis = RedisServer.start();
        redis.freeze();
        redis.restart(Data.EMPTY);
        redis.freeze();
        redis.stop();
        assertFalse(redis.isRunning());
        redis.restart(Data.EMPTY);
        redis.freeze();
        redis.close();
        assertFalse(redis.isRunning());
    }

    @ParameterizedTest
    @EnumSource(
            value = Persistence.class,
            names = {"AOF", "AOF_ALWAYS"})
    void appendOnlyEveryAcknowledgedWriteSurvivesAKill(Persistence persistence) {
        try (RedisServer redis = RedisServer.builder().persistence(persistence).start()) {
            for (int i = 0; i < 100; i++) {
                redis.command("SET", "k" + i, "v");
            }
            redis.kill();
            redis.restart(Data.KEEP);
            assertEquals(100L, redis.command("DBSIZE"));
            redis.restart(Data.EMPTY);
            assertEquals(0L, redis.command("DBSIZE"));
        }
    }

    @Test
    void withSnapshotsAKillLosesWhatCameAfterTheLastAndAStopLosesNothing() {
        try (RedisServer redis =
                RedisServer.builder().persistence(Persistence.RDB).start()) {
            redis.command("SET", "k", "saved");
            redis.command("SAVE");
            redis.command("SET", "k", "later");
            redis.kill();
            redis.restart(Data.KEEP);
            assertEquals("saved", redis.command("GET", "k"));
            redis.command("SET", "k", "last");
            redis.stop();
            redis.restart(Data.KEEP);
            assertEquals("last", redis.command("GET", "k"));
        }
    }

    @ParameterizedTest
    @EnumSource
    void goesBackToASnapshot(Persistence persistence) {
        try (RedisServer redis = RedisServer.builder().persistence(persistence).start()) {
            redis.command("SET", "k", "old");
            Path snapshot = redis.saveSnapshot();
            redis.command("SET", "k", "new");
            redis.restart(snapshot);
            assertEquals("old", redis.command("GET", "k"));
            redis.command("SET", "k", "newer");
            if (persistence.isAppendOnly()) {
                redis.kill();
                redis.restart(Data.KEEP);
                assertEquals("newer", redis.command("GET", "k"));
            }
        }
    }

    @Test
    void withoutPersistenceEveryRestartBeginsEmpty() {
        try (RedisServer redis =
                RedisServer.builder().persistence(Persistence.NONE).start()) {
            redis.command("SET", "k", "v");
            redis.stop();
            redis.restart(Data.KEEP);
            assertEquals(0L, redis.command("DBSIZE"));
        }
    }

    @Test
    void anAwkwardPasswordIsAskedForAndEscapedInTheUrl() throws IOException {
        String password = "p@ss \"wörd\\/%+";
        try (RedisServer redis = RedisServer.builder().password(password).start();
                RespConnection client = connect(redis)) {
            assertEquals("redis://:p%40ss%20%22w%C3%B6rd%5C%2F%25%2B@127.0.0.1:" + redis.port(), redis.url());
            assertTrue(assertThrows(IllegalStateException.class, () -> client.call("PING"))
                    .getMessage()
                    .startsWith("NOAUTH"));
            assertEquals("OK", client.call("AUTH", password));
            assertEquals("PONG", client.call("PING"));
        }
    }

    @Test
    void aRotatedPasswordHoldsForNewConnectionsAndLaterStarts() throws IOException {
        try (RedisServer redis = RedisServer.builder().password("first").start();
                RespConnection old = connect(redis)) {
            old.call("AUTH", "first");
            redis.setPassword("second");
            assertEquals("PONG", old.call("PING"));
            try (RespConnection late = connect(redis)) {
                assertThrows(IllegalStateException.class, () -> late.call("AUTH", "first"));
                late.call("AUTH", "second");
            }
            redis.restart(Data.KEEP);
            try (RespConnection late = connect(redis)) {
                assertEquals("OK", late.call("AUTH", "second"));
            }
            redis.setPassword(null);
            try (RespConnection anyone = connect(redis)) {
                assertEquals("PONG", anyone.call("PING"));
            }
        }
    }

    @Test
    void usersHaveTheRightsTheirRulesGive() throws IOException {
        try (RedisServer redis = RedisServer.builder()
                        .user("reader", "pw", "~app:* +@read +ping")
                        .line("user default off")
                        .start();
                RespConnection client = connect(redis)) {
            assertEquals("redis://reader:pw@127.0.0.1:" + redis.port(), redis.url());
            assertThrows(IllegalStateException.class, () -> client.call("PING"));
            client.call("AUTH", "reader", "pw");
            assertNull(client.call("GET", "app:k"));
            assertTrue(assertThrows(IllegalStateException.class, () -> client.call("SET", "app:k", "v"))
                    .getMessage()
                    .startsWith("NOPERM"));
        }
    }

    @Test
    void fullItRefusesWrites() {
        try (RedisServer redis = RedisServer.builder().maxMemory(1).start()) {
            assertTrue(assertThrows(IllegalStateException.class, () -> redis.command("SET", "k", "v"))
                    .getMessage()
                    .startsWith("OOM"));
        }
    }

    @Test
    void loadingItSaysSo() throws Exception {
        try (RedisServer redis =
                RedisServer.builder().loadDelay(Duration.ofMillis(20)).start()) {
            for (int i = 0; i < 50; i++) {
                redis.command("SET", "k" + i, "x".repeat(1000));
            }
            redis.stop();
            redis.restartWithoutWaiting(Data.KEEP);
            try (RespConnection client = connect(redis)) {
                assertTrue(assertThrows(IllegalStateException.class, () -> client.call("GET", "k1"))
                        .getMessage()
                        .startsWith("LOADING"));
                Eventually.until("the data", () -> {
                    try {
                        return client.call("GET", "k1") != null;
                    } catch (IllegalStateException loading) {
                        return false;
                    }
                });
            }
        }
    }

    @Test
    void pausedItMakesClientsWait() throws IOException {
        try (RedisServer redis = RedisServer.start();
                RespConnection client = connect(redis)) {
            long start = System.nanoTime();
            redis.pauseClients(Duration.ofMillis(200));
            assertEquals("PONG", client.call("PING"));
            assertTrue(System.nanoTime() - start >= 190_000_000, "answered at once");
        }
    }

    @Test
    void aBlockedCommandDoesNotLockOutTheNext() throws Exception {
        try (RedisServer redis = RedisServer.start()) {
            Thread waiting = new Thread(() -> redis.command("BLPOP", "list", "0"));
            waiting.start();
            Eventually.until("the blocked client", () -> ((String) redis.command("INFO", "clients"))
                    .contains("blocked_clients:1"));
            redis.command("RPUSH", "list", "v");
            waiting.join();
            assertEquals(0L, redis.command("EXISTS", "list"));
        }
    }

    @Test
    void aPortThatIsTakenAndALineThatIsWrongAreClearErrors() {
        try (RedisServer first = RedisServer.start()) {
            String taken = assertThrows(
                            IllegalStateException.class,
                            () -> RedisServer.builder().port(first.port()).start())
                    .getMessage();
            assertTrue(taken.contains("port " + first.port()) && taken.contains("in use"), taken);
        }
        String wrong = assertThrows(
                        IllegalStateException.class,
                        () -> RedisServer.builder().line("no-such-thing 1").start())
                .getMessage();
        assertTrue(wrong.contains("no-such-thing"), wrong);
    }

    @Test
    void closedItLeavesNoProcessAndNoFile() {
        RedisServer redis = RedisServer.start();
        long pid = redis.pid();
        Path directory = redis.directory();
        assertTrue(Files.exists(directory));
        redis.close();
        redis.close();
        assertFalse(ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
        assertFalse(Files.exists(directory));
        assertThrows(IllegalStateException.class, () -> redis.restart(Data.KEEP));
        assertThrows(UncheckedIOException.class, () -> redis.command("PING"));
    }

    @Test
    void anotherBinaryIsNamedByTheProperty() {
        String name = RedisBinary.resourceName("Mac OS X", "aarch64");
        assertEquals("redis-server-7.0.15-darwin-arm64", name);
        assertEquals("redis-server-7.0.15-linux-amd64", RedisBinary.resourceName("Linux", "amd64"));
        for (List<String> unsupported : List.of(List.of("Windows 11", "amd64"), List.of("Linux", "s390x"))) {
            String message = assertThrows(
                            IllegalStateException.class,
                            () -> RedisBinary.resourceName(unsupported.get(0), unsupported.get(1)))
                    .getMessage();
            assertTrue(message.contains("-Dholdfast.redis="), message);
        }
    }

    private static RespConnection connect(RedisServer redis) throws IOException {
        return RespConnection.open(redis.port(), null, SECONDS);
    }
}
