package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** One caller, who does what {@link Switchboard} does, but stops after each step. */
final class ModelCaller {
    private static final long TIMEOUT = TimeUnit.SECONDS.toNanos(3);
    private static final long TTL = TimeUnit.SECONDS.toNanos(20);
    private static final long FOREVER = TimeUnit.DAYS.toNanos(30_000);
    private static final int MANY_ATTEMPTS = 60;

    private enum Op {
        GET,
        PUT,
        FILL,
        REMOVE,
        PUT_IF_ABSENT,
        INCREMENT,
        REMOVE_PREFIX,
        GET_ALL,
        REMOVE_ALL
    }

    private enum At {
        IDLE,
        NEXT,
        SEND,
        HANGING,
        REPLY,
        AFTER
    }

    private final ModelWorld world;
    private final int number;
    private At at = At.IDLE;
    private Op op;
    private Request request;
    private Call call;
    private Attempt attempt;
    private ModelServer store;
    private ModelWorld.ModelRoute fast;
    private ModelWorld.Fate fate;
    private CacheUnavailableException failure;
    private long result;
    private long writer;
    private long begin;
    private long hung;
    private long pausedUntil;
    private long stalledUntil;
    private int attempts;
    private final Map<String, Long> seen = new HashMap<>();
    private Runnable acknowledged = () -> {};
    private Call.After after = Call.After.NOTHING;

    ModelCaller(ModelWorld world, int number) {
        this.world = world;
        this.number = number;
    }

    boolean idle() {
        return at == At.IDLE;
    }

    boolean hangsAt(int tier) {
        return at == At.HANGING && attempt.tier() == tier && hung > TimeUnit.MILLISECONDS.toNanos(200);
    }

    /** A call that hangs is over when its time is. */
    void timePassed(long nanos) {
        if (at == At.HANGING) {
            hung += nanos;
            if (hung >= TIMEOUT) {
                failure = ModelWorld.failure(ModelWorld.Fate.TIMEOUT_LATE);
                at = At.REPLY;
            }
        }
    }

    /** The connections of a tier were reset. */
    void disconnected(int tier) {
        boolean there = attempt != null && attempt.tier() == tier && store.equals(world.server(tier));
        if (there && (at == At.HANGING || (at == At.REPLY && failure == null && world.random.nextBoolean()))) {
            failure = new CacheUnavailableException("disconnected", null, Reason.DISCONNECTED, true);
            at = At.REPLY;
        }
    }

    void step() {
        if (world.step < stalledUntil && !world.calm) {
            return;
        }
        if (at == At.SEND || at == At.REPLY) {
            // A thread may lose its processor between any two of its steps, and for long.
            if (world.step > stalledUntil + 20 && world.chance(8)) {
                stalledUntil = world.step + world.random.nextInt(120);
                return;
            }
        }
        switch (at) {
            case IDLE -> {
                if (!world.calm) {
                    start();
                }
            }
            case NEXT -> next();
            case SEND -> sendIt();
            case HANGING -> {
                if (fate != ModelWorld.Fate.SILENT
                        && world.server(attempt.tier()).up
                        && !world.server(attempt.tier()).frozen) {
                    arrive();
                }
            }
            case REPLY -> reply();
            case AFTER -> finishAfter();
        }
    }

    private void start() {
        op = Op.values()[world.random.nextInt(Op.values().length)];
        String key = "c:k" + world.random.nextInt(3);
        String other = "c:k" + world.random.nextInt(3);
        if (op == Op.REMOVE_PREFIX && world.random.nextInt(3) > 0) {
            op = Op.GET;
        }
        long ttl = world.random.nextInt(3) == 0 ? TTL : FOREVER;
        begin = world.step;
        attempts = 0;
        failure = null;
        seen.clear();
        acknowledged = () -> {};
        after = Call.After.NOTHING;
        writer = switch (op) {
            case PUT, FILL, PUT_IF_ABSENT -> world.history.writer();
            default -> 0;
        };
        List<String> both = key.equals(other) ? List.of(key) : List.of(key, other);
        Map<String, byte[]> none = new HashMap<>();
        switch (op) {
            case GET -> request = new Request(Kind.READ, List.of(key), false, 0, 0, none);
            case GET_ALL -> request = new Request(Kind.READ, both, true, 0, 0, new HashMap<>());
            case PUT -> request = new Request(Kind.WRITE, List.of(key), false, ttl, 0, none);
            case FILL -> request = new Request(Kind.FILL, List.of(key), false, ttl, 0, none);
            case REMOVE -> request = new Request(Kind.WRITE, List.of(key), false, 0, 0, none);
            case REMOVE_ALL -> request = new Request(Kind.WRITE, both, true, 0, 0, new HashMap<>());
            case PUT_IF_ABSENT -> request = new Request(Kind.CONDITIONAL, List.of(key), false, ttl, 0, none);
            case INCREMENT ->
                request = new Request(Kind.COUNT, List.of("#:n" + world.random.nextInt(2)), false, FOREVER, 1, none);
            case REMOVE_PREFIX -> request = new Request(Kind.PREFIX, List.of("c:"), false, 0, 0, none);
        }
        switch (op) {
            case REMOVE, PUT -> acknowledged = world.history.invalidation(key, true, writer);
            case REMOVE_PREFIX -> acknowledged = world.history.invalidation("c:", false, writer);
            case REMOVE_ALL -> {
                List<Runnable> each = both.stream()
                        .map(one -> world.history.invalidation(one, true, 0))
                        .toList();
                acknowledged = () -> each.forEach(Runnable::run);
            }
            default -> {}
        }
        if (world.tracing) {
            world.note("caller " + number + ' ' + op + ' ' + request.keys() + (writer > 0 ? " #" + writer : ""));
        }
        // The scheduler may leave a caller alone for long; how long calls take is a matter of the attempts they make.
        long deadline = world.now + TimeUnit.DAYS.toNanos(1);
        ModelWorld.ModelRoute route = world.route();
        boolean quick = request.kind() == Kind.READ ? route.reads() : route.writes();
        fast = null;
        if (quick && request.kind() != Kind.PREFIX) {
            fast = route;
            call = Call.attempted(world.state, request, deadline, 0);
            attempt = Attempt.of(route.serving(), request.keys(), route.stamp());
            store = route.store();
            at = At.SEND;
        } else {
            call = Call.begin(world.state, request, deadline, 0);
            at = At.NEXT;
        }
    }

    private void next() {
        if (world.now < pausedUntil) {
            return;
        }
        if (++attempts > MANY_ATTEMPTS) {
            throw new AssertionError("a call without an end; " + world.describe());
        }
        try {
            attempt = call.next(world.now);
            store = attempt == null ? null : world.server(attempt.tier());
        } catch (CacheUnavailableException e) {
            if (request.kind().harmless) {
                throw new AssertionError(
                        "promise 1: " + op + " failed although there is memory: " + e + "; " + world.describe());
            }
            end(false);
            return;
        } finally {
            world.decided();
        }
        if (attempt != null) {
            if (world.tracing) {
                world.note("caller " + number + " goes to " + attempt.tier() + " for " + attempt.keys());
            }
            at = At.SEND;
        } else if (call.pause() > 0) {
            pausedUntil = world.now + call.pause();
        } else {
            end(true);
        }
    }

    private void sendIt() {
        fate = world.fate(store);
        hung = 0;
        failure = null;
        List<String> refused =
                attempt.keys().stream().filter(key -> !store.serves(key)).toList();
        if (fate == ModelWorld.Fate.DONE && store.remote && !refused.isEmpty()) {
            List<String> taken = attempt.keys().stream().filter(store::serves).toList();
            run(taken);
            failure = new CacheUnavailableException(
                    "shard", null, Reason.PARTIAL, false, request.several() ? refused : List.of(), Map.of());
            at = At.REPLY;
            return;
        }
        if (fate == ModelWorld.Fate.HANGS && !store.frozen) {
            fate = ModelWorld.Fate.TIMEOUT_LATE;
        }
        if (store.remote
                && store.poisoned
                && fate == ModelWorld.Fate.DONE
                && attempt.keys().contains(ModelWorld.POISON)) {
            fate = ModelWorld.Fate.RESET_LOST;
        }
        Consumer<ModelServer> command = command();
        switch (fate) {
            case HANGS, SILENT -> at = At.HANGING;
            case DONE -> arrive();
            default -> {
                world.send(store, fate, command);
                failure = ModelWorld.failure(fate);
                at = At.REPLY;
            }
        }
        if (at == At.HANGING && fate == ModelWorld.Fate.HANGS) {
            world.later(store, command);
        }
        if (world.tracing) {
            world.note("caller " + number + " sent: " + fate);
        }
    }

    /** A command whose caller is gone, with what it had to say as it was then. */
    private Consumer<ModelServer> command() {
        List<String> keys = attempt.keys();
        Op what = op;
        long by = writer;
        long ttl = request.ttlNanos();
        return server -> apply(server, keys, what, by, ttl);
    }

    private static long apply(ModelServer server, List<String> keys, Op what, long by, long ttl) {
        String key = keys.get(0);
        switch (what) {
            case PUT, FILL -> server.put(key, by, ttl);
            case PUT_IF_ABSENT -> server.putIfAbsent(key, by, ttl);
            case REMOVE, REMOVE_ALL -> keys.forEach(server::remove);
            case REMOVE_PREFIX -> server.removeByPrefix(key);
            case INCREMENT -> {
                return server.increment(key, ttl);
            }
            case GET, GET_ALL -> {}
        }
        return 0;
    }

    /** The command reaches its server; the reply is on its way. */
    private void arrive() {
        if (at == At.HANGING) {
            // It thawed: what was queued is run once, here, unless it was run already.
            if (store.late.isEmpty()) {
                return;
            }
            failure = ModelWorld.failure(ModelWorld.Fate.TIMEOUT_LATE);
            at = At.REPLY;
            return;
        }
        run(attempt.keys());
        at = At.REPLY;
    }

    private void run(List<String> keys) {
        if (request.kind() == Kind.READ) {
            for (String key : keys) {
                Long value = store.get(key);
                if (value != null) {
                    seen.put(key, value);
                } else {
                    seen.remove(key);
                }
            }
        } else if (!keys.isEmpty()) {
            result = apply(store, keys, op, writer, request.ttlNanos());
        }
        if (!attempt.purge().isEmpty()) {
            throw new AssertionError("with memory below no key is dirty everywhere; " + world.describe());
        }
    }

    private void reply() {
        if (failure != null) {
            call.failed(attempt, failure, world.server(attempt.tier()).answered, world.now);
            world.decided();
            fast = null;
            at = At.NEXT;
            return;
        }
        world.server(attempt.tier()).answered++;
        if (fast != null) {
            world.tiers.get(attempt.tier()).changed(request.kind(), attempt.keys());
        }
        if (fast != null && (request.kind() == Kind.COUNT || fast.equals(world.route()))) {
            end(true);
            return;
        }
        fast = null;
        after = call.succeeded(attempt, result, world.now);
        world.decided();
        at = after == Call.After.NOTHING ? At.NEXT : At.AFTER;
    }

    private void finishAfter() {
        ModelServer where = after == Call.After.REMOVE_AGAIN ? store : world.memory();
        if (request.kind() == Kind.PREFIX) {
            where.removeByPrefix(attempt.keys().get(0));
        } else {
            attempt.keys().forEach(where::remove);
        }
        after = Call.After.NOTHING;
        at = At.NEXT;
    }

    private void end(boolean success) {
        at = At.IDLE;
        pausedUntil = 0;
        if (world.tracing) {
            world.note("caller " + number + ' ' + op + (success ? " done " + seen : " failed"));
        }
        if (writer > 0) {
            world.history.wrote(writer);
        }
        if (op == Op.INCREMENT) {
            world.history.counted(request.keys().get(0), success);
        }
        if (success) {
            acknowledged.run();
        }
        seen.forEach((key, value) -> world.history.read(key, value, begin, "caller " + number));
    }
}
