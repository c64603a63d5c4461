package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What becomes of a client whose memory does not suffice. */
class MemoryTest extends Fixture {
    private static final int LARGE = 4 << 20;

    /** A client in a process with a small heap: many small answers, then large ones all at once, then small ones again. */
    static final class SmallHeap {
        private SmallHeap() {}

        public static void main(String[] args) throws Exception {
            RequestClient client =
                    RequestClient.connect(StreamsConfig.single(args[0]).withName(args[1]));
            for (int i = 0; i < 300; i++) {
                client.callAndWait("s" + i, bytes("10"), LIMIT);
            }
            AtomicLong ended = new AtomicLong();
            for (int i = 0; i < 20; i++) {
                var unused = client.call("b" + i, bytes(Integer.toString(LARGE)), Duration.ofSeconds(30))
                        .whenComplete((answer, failure) -> ended.incrementAndGet());
            }
            until("the large ones to end", () -> ended.get() == 20);
            int answered = 0;
            for (int i = 0; i < 10; i++) {
                try {
                    client.callAndWait("t" + i, bytes("10"), Duration.ofSeconds(5));
                    answered++;
                } catch (RequestException e) {
                    System.err.println(e);
                }
            }
            System.out.println(answered + " of 10, " + client.health().answered());
            System.exit(0);
        }
    }

    @Test
    void aClientWithASmallHeapGetsManyLargeAnswersAndIsWellAfterwards() throws Exception {
        Gate gate = new Gate();
        server(config(), 20, request -> {
            byte[] answer = new byte[Integer.parseInt(text(request.payload()))];
            if (answer.length == LARGE) {
                gate.handle(request);
            }
            return answer;
        });
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx64m",
                        "-cp",
                        WorkerProcess.classPath(),
                        SmallHeap.class.getName(),
                        redis().url(),
                        name)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        closing(process::destroyForcibly);
        until("the large ones to be under way", () -> gate.begun.get() == 20);
        // All answers are there when it asks the next time.
        signal("STOP", process);
        Thread.sleep(ReplyReader.BLOCK_MILLIS + 200);
        gate.open.countDown();
        String replies = String.valueOf(((List<?>) redis().command("KEYS", "{" + name + "/replies/*")).get(0));
        until("all answers to be there", () -> (Long) redis().command("XLEN", replies) >= 20);
        signal("CONT", process);
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
        assertEquals("10 of 10, 330", out.readLine());
    }

    private static void signal(String name, Process process) throws Exception {
        assertEquals(
                0,
                new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                        .start()
                        .waitFor());
    }

    @Test
    void theClientsThreadsOutliveWhateverIsThrown() throws Exception {
        AtomicInteger turns = new AtomicInteger();
        AtomicInteger seen = new AtomicInteger();
        try (SteadyThread thread = new SteadyThread(
                "test",
                () -> {
                    switch (turns.incrementAndGet()) {
                        case 1 -> throw new OutOfMemoryError("none left");
                        case 2 -> throw new StackOverflowError();
                        case 3 -> throw new InterruptedException();
                        case 4 -> throw new IllegalStateException("no");
                        default -> Thread.sleep(1);
                    }
                },
                failure -> {
                    seen.incrementAndGet();
                    throw new OutOfMemoryError("nor for that");
                })) {
            assertTrue(thread.ensure());
            until("it to go on", () -> turns.get() > 6);
            assertEquals(4, seen.get());
        }
    }

    @Test
    void aThreadThatHasDiedIsStartedAnewByWhoeverNeedsIt() throws Exception {
        AtomicInteger started = new AtomicInteger();
        CompletableFuture<Void> turned = new CompletableFuture<>();
        try (SteadyThread thread = new SteadyThread(
                task -> {
                    if (started.incrementAndGet() == 1) {
                        throw new OutOfMemoryError("unable to create native thread");
                    }
                    // The second one dies at once.
                    return new Thread(started.get() == 2 ? () -> {} : task);
                },
                () -> {
                    turned.complete(null);
                    Thread.sleep(1);
                },
                failure -> {})) {
            assertEquals(false, thread.ensure());
            until("a living one", () -> thread.ensure() && turned.isDone());
            turned.get(5, TimeUnit.SECONDS);
            assertTrue(started.get() >= 3);
        }
    }

    @Test
    void aClientThatCannotReadItsRepliesSaysSoAndTakesNoCalls() throws Exception {
        server(config(), 1, Request::payload);
        RequestClient client = client(config());
        client.callAndWait("a", bytes("x"), LIMIT);
        String stream = String.valueOf(((List<?>) redis().command("KEYS", "{" + name + "/replies/*")).get(0));
        redis().command("SET", stream, "x");
        until("it to say so", () -> !client.health().available());
        assertTrue(
                client.health().trouble().orElse("").contains("WRONGTYPE"),
                client.health().trouble().toString());
        RequestRejectedException rejected =
                assertThrows(RequestRejectedException.class, () -> client.callAndWait("b", bytes("x"), LIMIT));
        assertEquals(RequestRejectedException.Reason.UNAVAILABLE, rejected.reason());
        redis().command("DEL", stream);
        until("it to be well", () -> client.health().available());
        assertEquals("x", text(client.callAndWait("c", bytes("x"), LIMIT)));
    }

    @Test
    void repliesAreAskedForByTheirBytes() {
        Keys keys = new Keys(config());
        byte[] stream = keys.replies("x");
        for (int i = 0; i < 300; i++) {
            redis().command(bytes("XADD"), stream, bytes("*"), bytes("i"), bytes("s"), bytes("a"), bytes("Sx"));
        }
        try (Redis redis = new Redis(config(), 1, Duration.ZERO)) {
            assertEquals(256, read(redis, stream).size(), "small ones by their number");
            redis().command(bytes("DEL"), stream);
            for (int i = 0; i < 10; i++) {
                redis().command(
                                bytes("XADD"),
                                stream,
                                bytes("*"),
                                bytes("i"),
                                bytes("s"),
                                bytes("a"),
                                new byte[1_000_000]);
            }
            assertEquals(4, read(redis, stream).size(), "large ones by their bytes");
            redis().command(bytes("DEL"), stream);
            redis().command(bytes("XADD"), stream, bytes("*"), bytes("i"), bytes("s"), bytes("a"), new byte[9 << 20]);
            assertEquals(1, read(redis, stream).size(), "but always one");
            assertEquals("s", text((byte[]) redis.call(Script.DROP_REPLY.on(stream))));
            assertEquals(List.of(), read(redis, stream));
        }
    }

    private static List<StreamReply.Entry> read(Redis redis, byte[] stream) {
        return StreamReply.entries(StreamReply.list(redis.call(Script.READ_REPLIES.on(stream, 4 << 20, 256))));
    }

    @Test
    void callsThatWereCancelledBeforeTheyCouldBeSentAreGarbage() throws Exception {
        try (RedisServer own =
                RedisServer.builder().persistence(RedisServer.Persistence.NONE).start()) {
            try (RequestClient client = RequestClient.connect(config(own).withCommandTimeout(Duration.ofSeconds(15)))) {
                client.queue();
                own.freeze();
                List<WeakReference<CompletableFuture<byte[]>>> cancelled = new ArrayList<>();
                for (int i = 0; i < 2_000; i++) {
                    CompletableFuture<byte[]> call = client.call("id" + i, bytes("x"), LIMIT);
                    assertTrue(call.cancel(true));
                    cancelled.add(new WeakReference<>(call));
                }
                assertEquals(0, client.health().inFlight());
                long bound = System.nanoTime() + 5_000_000_000L;
                long left = 2_000;
                // What is being sent at this moment is in the sender's hands.
                while (left > 200) {
                    assertTrue(System.nanoTime() < bound, left + " of 2,000 are held");
                    System.gc();
                    left = cancelled.stream().filter(call -> call.get() != null).count();
                }
                own.thaw();
            }
        }
    }
}
