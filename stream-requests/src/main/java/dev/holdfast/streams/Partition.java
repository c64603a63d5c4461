package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol;

/**
 * One request stream, as a worker takes requests from it: new ones, and those of workers that went silent. For one thread, but for the
 * clock.
 */
final class Partition {
    private static final Logger LOG = LoggerFactory.getLogger(Partition.class);
    private static final String BEGINNING = "0-0";

    private final Worker worker;
    private final int number;
    private final byte[] stream;
    private final byte[] dead;
    private final ServerClock clock = new ServerClock();
    private String cursor = BEGINNING;

    /** A request and how often it was delivered, this time included. */
    record Taken(StreamReply.Entry entry, int delivery) {}

    Partition(Worker worker, int number) {
        this.worker = worker;
        this.number = number;
        this.stream = worker.keys().requests(number);
        this.dead = worker.keys().dead(number);
    }

    int number() {
        return number;
    }

    byte[] stream() {
        return stream;
    }

    byte[] dead() {
        return dead;
    }

    ServerClock clock() {
        return clock;
    }

    /** Has Redis know that this worker lives. */
    void touch(Redis redis) {
        try {
            var unused = redis.call(Command.touch(stream, worker.consumer()));
        } catch (RuntimeException e) {
            if (!Trouble.isGroupGone(e)) {
                throw e;
            }
            // Who takes requests makes it.
        }
    }

    /** Learns what time it is there. */
    void askTime(Redis redis) {
        clock.told(redis.call(Script.TIME.on(stream)));
    }

    /** Reads a request again that this worker has; {@code null} if it was removed. */
    StreamReply.@Nullable Entry again(Redis redis, String entryId) {
        Object reply = redis.call(Command.of(Protocol.Command.XRANGE, stream, entryId, entryId));
        List<StreamReply.Entry> found = StreamReply.entries(StreamReply.list(reply));
        return found.isEmpty() ? null : found.get(0);
    }

    /** What removes requests that are done. */
    List<Command> removal(List<String> entryIds) {
        List<Object> acknowledged = new ArrayList<>(List.of(Keys.GROUP));
        acknowledged.addAll(entryIds);
        return List.of(
                Command.of(Protocol.Command.XACK, stream, acknowledged.toArray()),
                Command.of(Protocol.Command.XDEL, stream, entryIds.toArray()));
    }

    /** Takes at most so many new requests; waits for the first if {@code blockMillis} is positive. */
    List<Taken> takeNew(Redis redis, int count, long blockMillis) {
        try {
            Object reply = redis.call(Command.readGroup(stream, worker.consumer(), count, blockMillis));
            return StreamReply.read(reply).stream()
                    .map(entry -> new Taken(entry, 1))
                    .toList();
        } catch (RuntimeException e) {
            if (!Trouble.isGroupGone(e)) {
                throw e;
            }
            makeGroup(redis);
            return List.of();
        }
    }

    /** From the beginning of the stream, since requests may have been added before there was a group. */
    private void makeGroup(Redis redis) {
        try {
            redis.call(Command.sub(Protocol.Command.XGROUP, "CREATE", stream, Keys.GROUP, "0", "MKSTREAM"));
            LOG.info("made the consumer group of {}", this);
            touch(redis);
        } catch (RuntimeException e) {
            if (!String.valueOf(e.getMessage()).startsWith("BUSYGROUP")) {
                throw e;
            }
        }
        cursor = BEGINNING;
    }

    /** Takes over at most so many requests of workers that have been silent for {@code claimIdle}. */
    List<Taken> takeOver(Redis redis, int most) {
        List<Taken> taken = new ArrayList<>();
        try {
            do {
                List<?> reply = StreamReply.list(redis.call(Command.of(
                        Protocol.Command.XAUTOCLAIM,
                        stream,
                        Keys.GROUP,
                        worker.consumer(),
                        worker.config().claimIdle().toMillis(),
                        cursor,
                        "COUNT",
                        most - taken.size())));
                cursor = StreamReply.text(reply.get(0));
                List<StreamReply.Entry> entries = StreamReply.entries(StreamReply.list(reply.get(1)));
                taken.addAll(counted(redis, withoutHeld(entries)));
            } while (taken.size() < most && !cursor.equals(BEGINNING));
        } catch (RuntimeException e) {
            if (taken.isEmpty() && !Trouble.isGroupGone(e)) {
                throw e;
            }
            // What was taken is ours already, and goes on; the rest is found at the next round.
            cursor = BEGINNING;
        }
        worker.counters().redelivered.add(taken.size());
        return taken;
    }

    /** After a pause of its own or of Redis a worker may find what it is working on. */
    private List<StreamReply.Entry> withoutHeld(List<StreamReply.Entry> entries) {
        if (entries.isEmpty()) {
            return entries;
        }
        Set<String> held = worker.atWork().stream()
                .filter(each -> each.partition() == this)
                .map(Held::entryId)
                .collect(Collectors.toSet());
        return entries.stream().filter(entry -> !held.contains(entry.id())).toList();
    }

    /** How often each was delivered, which XAUTOCLAIM does not tell. */
    private List<Taken> counted(Redis redis, List<StreamReply.Entry> entries) {
        if (entries.isEmpty()) {
            return List.of();
        }
        List<Command> questions = entries.stream()
                .map(entry -> Command.of(Protocol.Command.XPENDING, stream, Keys.GROUP, entry.id(), entry.id(), 1))
                .toList();
        List<@Nullable Object> replies = redis.all(questions);
        List<Taken> counted = new ArrayList<>();
        for (int i = 0; i < replies.size(); i++) {
            if (replies.get(i) instanceof List<?> found && !found.isEmpty()) {
                List<?> pending = StreamReply.list(found.get(0));
                int delivery = (int) StreamReply.number(Objects.requireNonNull(pending.get(3)));
                counted.add(new Taken(entries.get(i), delivery));
            } else if (replies.get(i) instanceof RuntimeException) {
                // It is ours all the same; at least one had it before.
                counted.add(new Taken(entries.get(i), 2));
            }
        }
        // Those that were given up by more workers come last: a poison request must not hold up the others.
        counted.sort(Comparator.comparingInt(Taken::delivery));
        return counted;
    }

    @Override
    public String toString() {
        return new String(stream, UTF_8);
    }
}
