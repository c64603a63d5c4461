package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol;

/** How often a call waits for a single Redis. */
class RoundTripTest extends Fixture {
    private static final List<Protocol.Command> SCRIPT = List.of(Protocol.Command.EVALSHA);

    /** What was sent, a list for each round trip. */
    private static final class Recording extends Redis {
        final List<List<Protocol.Command>> trips = new CopyOnWriteArrayList<>();

        Recording(StreamsConfig config) {
            super(config, 1, Duration.ZERO);
        }

        @Override
        @Nullable
        Object call(Command command) {
            trips.add(List.of(command.name()));
            return super.call(command);
        }

        @Override
        List<@Nullable Object> all(List<Command> commands) {
            trips.add(commands.stream().map(Command::name).toList());
            return super.all(commands);
        }
    }

    private String replies() {
        return "{" + name + "/replies/x}";
    }

    @Test
    void aWorkerBeginsInOneAndEndsInAnother() {
        redis().command("XADD", replies(), "*", "i", "");
        try (Redis looking = new Redis(config(), 1, Duration.ZERO);
                Recording working = new Recording(config())) {
            Worker worker = new Worker(config(), working, Request::payload);
            Partition partition = new Partition(worker, 0);
            partition.askTime(looking);
            assertEquals(List.of(), partition.takeNew(looking, 1, 0), "it makes the group");
            redis().command("XADD", requests(), "*", "i", "x", "r", replies(), "l", "20000", "p", "p");
            new RequestRun(worker, partition, partition.takeNew(looking, 1, 0).get(0)).run();
            assertEquals(List.of(SCRIPT, SCRIPT), working.trips);
            assertEquals(0, length());
            assertEquals(2L, redis().command("XLEN", replies()));
            assertEquals("Sp", redis().command("GET", "{" + name + "}:done:x"));
            assertEquals(1, worker.counters().sums().answered());
            worker.end();
        }
    }

    @Test
    void whatCanNotBeDoneInOneIsDoneAsFarAsItCanBe() {
        Keys keys = new Keys(config());
        List<byte[]> at = List.of(keys.done("x"), keys.tries("x"), bytes(replies()), bytes(requests()));
        try (Redis redis = new Redis(config(), 1, Duration.ZERO)) {
            redis().command("SET", text(keys.done("x")), "Rother 1-1");
            assertEquals(0L, redis.call(answer(at)), "another runs it");
            assertEquals("Rother 1-1", redis().command("GET", text(keys.done("x"))));

            redis().command("SET", text(keys.done("x")), "Rme 1-1");
            assertEquals(1L, redis.call(answer(at)), "there is no reply stream");
            assertEquals("Sy", redis().command("GET", text(keys.done("x"))));

            redis().command("SET", text(keys.done("x")), "Rme 1-1");
            redis().command("XADD", replies(), "*", "i", "");
            redis().command("SET", requests(), "none");
            assertEquals(2L, redis.call(answer(at)), "the requests are of another kind");
            assertEquals(2L, redis().command("XLEN", replies()));

            redis().command("SET", text(keys.done("x")), "Rme 1-1");
            redis().command("DEL", requests());
            assertEquals(3L, redis.call(answer(at)));
            assertEquals(3L, redis().command("XLEN", replies()));
        }
    }

    private static Command answer(List<byte[]> keys) {
        return Script.ANSWER.onAll(keys, "Rme 1-1", "Sy", 60_000, "x", 10_000, Keys.GROUP, "1-1");
    }

    @Test
    void aClientReadsAnAnswerInOneAndManyTogether() {
        byte[] replies = bytes(replies());
        try (Recording redis = new Recording(config())) {
            Calls calls = closing(new Calls(config()));
            ReplyReader reader = new ReplyReader(redis, calls, replies, false);
            for (int i = 0; i < 2; i++) {
                addReplies(1);
                reader.take();
            }
            List<Protocol.Command> one = List.of(Protocol.Command.XDEL, Protocol.Command.XREAD, Protocol.Command.XLEN);
            assertEquals(List.of(one.subList(1, 3), one), redis.trips);
            addReplies(3);
            for (int i = 0; i < 3; i++) {
                reader.take();
            }
            List<Protocol.Command> many =
                    List.of(Protocol.Command.XDEL, Protocol.Command.EVALSHA, Protocol.Command.XLEN);
            assertEquals(List.of(one, many, one), redis.trips.subList(2, 5));
            assertEquals(5, calls.counts().unclaimed());
            assertEquals(0L, redis().command("XLEN", replies()));
        }
    }

    private void addReplies(int count) {
        for (int i = 0; i < count; i++) {
            redis().command("XADD", replies(), "*", "i", "x", "a", "Sy");
        }
    }
}
