package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
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
    static final int AT_ONCE = 100;

    private final Worker worker;
    private final int number;
    private final byte[] stream;
    private final byte[] dead;
    private final ServerClock clock = new ServerClock();
    private final KeptAnswers kept;
    /** What an Error kept this worker from reading. It is not looked up again, or nothing new would be read; who finds it silent takes it over. */
    private final Set<String> unreadable = new HashSet<>();

    private boolean lostReply;
    private boolean more;

    /**
     * A request and how often it was delivered, this time included.
     *
     * @param payloadBytes how long its payload is; of one that is not to be run any more the entry has only the first bytes
     */
    record Taken(StreamReply.Entry entry, int delivery, long payloadBytes) {
        Taken(StreamReply.Entry entry, int delivery) {
            this(entry, delivery, entry.fields().getOrDefault("p", new byte[0]).length);
        }
    }

    /** What some worker has, and how often it was delivered. */
    record Pending(String entryId, int deliveries) {}

    Partition(Worker worker, int number) {
        this.worker = worker;
        this.number = number;
        this.stream = worker.keys().requests(number);
        this.dead = worker.keys().dead(number);
        this.kept = new KeptAnswers(worker, this);
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

    /** What silent workers have answered. */
    KeptAnswers kept() {
        return kept;
    }

    /** Learns what time it is there. */
    void askTime(Redis redis) {
        clock.told(redis.call(Script.TIME.on(stream)));
    }

    /**
     * Reads a request again that this worker has; {@code null} if it was removed. Of one that was delivered too often to be run, only what a dead letter keeps of
     * it: the payload may be what no worker has the memory for.
     */
    @Nullable
    Taken again(Redis redis, String entryId, int delivery) {
        if (isSpent(delivery)) {
            Object found = redis.call(Script.BEGINNING.on(stream, entryId, DeadLetter.MOST_BYTES));
            if (found == null) {
                return null;
            }
            List<?> parts = StreamReply.list(found);
            return new Taken(
                    StreamReply.entries(parts.subList(0, 1)).get(0), delivery, StreamReply.number(parts.get(1)));
        }
        Object reply = redis.call(Command.of(Protocol.Command.XRANGE, stream, entryId, entryId));
        List<StreamReply.Entry> found = StreamReply.entries(StreamReply.list(reply));
        return found.isEmpty() ? null : new Taken(found.get(0), delivery);
    }

    /** Whether it is a dead letter, and not to be run any more. */
    private boolean isSpent(int delivery) {
        return delivery > worker.config().maxDeliveries();
    }

    /** What removes requests that are done: at once, so that whoever dies meanwhile leaves none that is in the stream and nobody's. */
    Command removal(List<String> entryIds) {
        List<Object> arguments = new ArrayList<>(List.of(Keys.GROUP));
        arguments.addAll(entryIds);
        return Script.REMOVE.on(stream, arguments.toArray());
    }

    /**
     * Takes at most so many new requests; waits for the first if {@code blockMillis} is positive. After a reply that was lost, those that it had are the
     * first.
     */
    List<Taken> takeNew(Redis redis, int count, long blockMillis) {
        if (lostReply) {
            List<Taken> lost = takeLost(redis, count);
            if (!lost.isEmpty()) {
                return lost;
            }
        }
        try {
            Object reply = call(redis, Command.readGroup(stream, worker.consumer(), count, blockMillis));
            Set<String> held = held();
            // One that has forgotten what it gave gives it again: it goes on where it is.
            return StreamReply.read(reply).stream()
                    .filter(entry -> !held.contains(entry.id()))
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

    /** Sends what gives requests to this worker; takes note if there is no saying which. */
    private @Nullable Object call(Redis redis, Command command) {
        boolean answered = false;
        try {
            // In a cluster a repeated one would be answered with the next ones, or with none.
            Object reply = redis.once(command);
            answered = true;
            return reply;
        } catch (RuntimeException e) {
            answered = Trouble.isRefusal(e);
            throw e;
        } finally {
            lostReply |= !answered;
        }
    }

    /** Takes at most so many of those that Redis has given to this worker, and that did not arrive. */
    private List<Taken> takeLost(Redis redis, int most) {
        Set<String> known = new HashSet<>(held());
        known.addAll(unreadable);
        int asked = known.size() + most + 1;
        List<Pending> all = pending(redis, "-", "+", asked, worker.consumer());
        if (all.size() < asked) {
            unreadable.retainAll(all.stream().map(Pending::entryId).collect(Collectors.toSet()));
        }
        List<Pending> lost =
                all.stream().filter(each -> !known.contains(each.entryId())).toList();
        List<Taken> taken = new ArrayList<>();
        for (Pending each : lost.subList(0, Math.min(lost.size(), most))) {
            Taken found = lost(redis, each);
            if (found != null) {
                taken.add(found);
            }
        }
        lostReply = lost.size() > most;
        return taken;
    }

    private @Nullable Taken lost(Redis redis, Pending each) {
        try {
            return again(redis, each.entryId(), Math.max(1, each.deliveries()));
        } catch (Error e) {
            unreadable.add(each.entryId());
            throw e;
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
    }

    /** Takes over one request of a worker that has been silent for {@code claimIdle}, of those that were given up least often. */
    List<Taken> takeOver(Redis redis) {
        more = false;
        Set<String> held = held();
        List<Pending> silent = new ArrayList<>(silent(redis, "-"));
        // After a pause of its own or of Redis a worker may find what it is working on.
        silent.removeIf(each -> held.contains(each.entryId()));
        // Other workers see the same ones at the same time.
        Collections.shuffle(silent, ThreadLocalRandom.current());
        silent.sort(Comparator.comparingInt(Pending::deliveries));
        for (int i = 0; i < silent.size(); i++) {
            Taken taken = takeOver(redis, silent.get(i));
            if (taken != null) {
                more = i + 1 < silent.size();
                unreadable.remove(taken.entry().id());
                worker.counters().redelivered.increment();
                return List.of(taken);
            }
        }
        return List.of();
    }

    /** Takes over one that is silent; {@code null} if another has, or it was removed. */
    private @Nullable Taken takeOver(Redis redis, Pending each) {
        int delivery = each.deliveries() + 1;
        boolean claimed;
        Taken taken;
        if (isSpent(delivery)) {
            // Without its payload, whose reading may be what ended the deliveries before.
            claimed = claim(redis, each.entryId());
            taken = claimed ? claimedAndRead(redis, each.entryId(), delivery) : null;
        } else {
            List<?> reply = StreamReply.list(call(redis, claim(each.entryId())));
            List<StreamReply.Entry> entries = StreamReply.entries(reply);
            claimed = !reply.isEmpty();
            taken = entries.isEmpty() ? null : new Taken(entries.get(0), delivery);
        }
        if (claimed && taken == null) {
            // Before Redis 7 what was deleted stays pending.
            var unused = redis.call(Command.of(Protocol.Command.XACK, stream, Keys.GROUP, each.entryId()));
        }
        return taken;
    }

    /** Reads what this has just claimed; if that fails, it is looked for among what this worker has and does not know of. */
    private @Nullable Taken claimedAndRead(Redis redis, String entryId, int delivery) {
        boolean read = false;
        try {
            Taken taken = again(redis, entryId, delivery);
            read = true;
            return taken;
        } finally {
            if (!read) {
                missed();
            }
        }
    }

    /** Some of what was silent for {@code claimIdle}, from an entry on; nothing if that is all. */
    List<Pending> silent(Redis redis, String from) {
        return pending(redis, "IDLE", worker.config().claimIdle().toMillis(), from, "+", AT_ONCE);
    }

    /** Takes over one that is silent, which is no delivery; says whether no other has. */
    boolean claim(Redis redis, String entryId) {
        return !StreamReply.list(call(redis, claim(entryId, "JUSTID"))).isEmpty();
    }

    private Command claim(String entryId, Object... how) {
        List<Object> arguments = new ArrayList<>(List.of(
                Keys.GROUP, worker.consumer(), worker.config().claimIdle().toMillis(), entryId));
        arguments.addAll(List.of(how));
        return Command.of(Protocol.Command.XCLAIM, stream, arguments.toArray());
    }

    /** Has what is this worker's, and not in its hands, be taken next. */
    void missed() {
        lostReply = true;
    }

    /** Whether this worker has it. */
    boolean holds(String entryId) {
        return held().contains(entryId);
    }

    /** Whether there was more to take over, the last time. */
    boolean hasMore() {
        return more;
    }

    private Set<String> held() {
        return worker.atWork().stream()
                .filter(each -> each.partition() == this)
                .map(Held::entryId)
                .collect(Collectors.toSet());
    }

    /** What {@code XPENDING} answers with these arguments; nothing if there is no group. */
    private List<Pending> pending(Redis redis, Object... arguments) {
        List<Object> all = new ArrayList<>(List.of(Keys.GROUP));
        all.addAll(List.of(arguments));
        try {
            return StreamReply.list(redis.call(Command.of(Protocol.Command.XPENDING, stream, all.toArray()))).stream()
                    .map(StreamReply::list)
                    .map(each -> new Pending(StreamReply.text(each.get(0)), (int) StreamReply.number(each.get(3))))
                    .toList();
        } catch (RuntimeException e) {
            if (!Trouble.isGroupGone(e)) {
                throw e;
            }
            // Who takes new requests makes it.
            return List.of();
        }
    }

    @Override
    public String toString() {
        return new String(stream, UTF_8);
    }
}
