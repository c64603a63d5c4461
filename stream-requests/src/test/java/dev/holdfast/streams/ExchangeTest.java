package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;

/** Replies that belong to nothing: each connection gets one too many. */
class ExchangeTest extends Fixture {
    private static final int CALLERS = 4;

    @ParameterizedTest
    @ValueSource(strings = {":1\r\n", "+OK\r\n", "$2\r\nSx\r\n", "*-1\r\n", "*0\r\n", "-ERR x\r\n"})
    void aSurplusReplyIsGivenToNobody(String surplus) {
        byte[] key = bytes("{" + name + "}:key");
        redis().command("SET", text(key), "value");
        try (TcpProxy proxy = TcpProxy.to("127.0.0.1", redis().port());
                Redis redis = new Redis(at(proxy), 1, Duration.ZERO)) {
            Command get = Command.of(Protocol.Command.GET, key);
            assertEquals("value", StreamReply.text(redis.call(get)));
            proxy.garbage(bytes(surplus));
            assertThrows(JedisConnectionException.class, () -> redis.call(get));
            proxy.pass();
            assertEquals("value", StreamReply.text(redis.call(get)), "on another connection");
            proxy.garbage(bytes(surplus));
            assertThrows(JedisConnectionException.class, () -> redis.all(List.of(get, get)));
            proxy.pass();
            assertEquals(
                    List.of("value", "value"),
                    redis.all(List.of(get, get)).stream().map(StreamReply::text).toList());
        }
    }

    @Test
    void aRefusalIsNoReasonToCloseAConnection() {
        try (TcpProxy proxy = TcpProxy.to("127.0.0.1", redis().port());
                Redis redis = new Redis(at(proxy), 1, Duration.ZERO)) {
            byte[] key = bytes("{" + name + "}:list");
            redis().command("LPUSH", text(key), "one");
            Command get = Command.of(Protocol.Command.GET, key);
            assertThrows(JedisDataException.class, () -> redis.call(get));
            List<?> replies = redis.all(List.of(get, Command.of(Protocol.Command.DEL, key)));
            assertInstanceOf(JedisDataException.class, replies.get(0));
            assertEquals(1L, replies.get(1));
            assertEquals(1, proxy.connections());
        }
    }

    @Test
    void aUserWhoMayNotEchoIsServed() {
        try (RedisServer own =
                RedisServer.builder().persistence(RedisServer.Persistence.NONE).start()) {
            own.command("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-echo");
            try (Redis redis =
                    new Redis(StreamsConfig.single("redis://app:pw@127.0.0.1:" + own.port()), 1, Duration.ZERO)) {
                assertEquals(0L, redis.call(Command.of(Protocol.Command.XLEN, bytes("none"))));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"worker", "client", "both"})
    void noCallerGetsTheAnswerOfAnotherAndAllGoesOn(String side) throws Exception {
        try (TcpProxy ofClient = TcpProxy.to("127.0.0.1", redis().port());
                TcpProxy ofWorker = TcpProxy.to("127.0.0.1", redis().port());
                RequestServer server =
                        RequestServer.start(at(ofWorker).withClaimIdle(Duration.ofSeconds(1)), 8, ExchangeTest::work);
                RequestClient client = RequestClient.connect(at(ofClient))) {
            Set<String> wrong = ConcurrentHashMap.newKeySet();
            AtomicInteger ids = new AtomicInteger();
            calls(client, ids, wrong, 500);
            List<TcpProxy> spoiled = List.of(ofClient, ofWorker);
            for (TcpProxy each : side.equals("both") ? spoiled : List.of(spoiled.get(side.equals("worker") ? 1 : 0))) {
                each.garbage(bytes(":1\r\n"));
            }
            calls(client, ids, wrong, 1_500);
            spoiled.forEach(TcpProxy::pass);
            until("an answer", () -> calls(client, ids, wrong, 200) > 0);
            until(
                    "nothing but answers",
                    () -> server.health().trouble().isEmpty()
                            && client.health().trouble().isEmpty());
            assertTrue(calls(client, ids, wrong, 500) > 0);
            assertEquals(Set.of(), wrong);
        }
    }

    private static byte[] work(Request request) throws InterruptedException {
        Thread.sleep(5);
        return bytes("A" + request.id());
    }

    /** Calls for so long, each id more than once; returns how many were answered. */
    private static int calls(RequestClient client, AtomicInteger ids, Set<String> wrong, long millis) {
        long end = System.nanoTime() + millis * 1_000_000;
        AtomicInteger answered = new AtomicInteger();
        List<CompletableFuture<Void>> callers = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            callers.add(CompletableFuture.runAsync(
                    () -> {
                        while (System.nanoTime() - end < 0) {
                            int number = ids.incrementAndGet();
                            if (call(client, "i" + (number / 6 * 2 + number % 2), wrong)) {
                                answered.incrementAndGet();
                            }
                        }
                    },
                    task -> new Thread(task).start()));
        }
        callers.forEach(CompletableFuture::join);
        return answered.get();
    }

    private static boolean call(RequestClient client, String id, Set<String> wrong) {
        try {
            String answer = text(client.callAndWait(id, new byte[10], Duration.ofSeconds(2)));
            if (!answer.equals("A" + id)) {
                wrong.add(id + " got " + answer);
            }
            return true;
        } catch (RequestRejectedException | RequestTimeoutException e) {
            return false;
        } catch (RequestFailedException e) {
            wrong.add(id + " failed: " + e.getMessage());
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private StreamsConfig at(TcpProxy proxy) {
        return StreamsConfig.single("redis://127.0.0.1:" + proxy.port())
                .withName(name)
                .withGrace(Duration.ZERO);
    }
}
