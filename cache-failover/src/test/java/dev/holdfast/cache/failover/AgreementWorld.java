package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.Agreement;
import dev.holdfast.cache.spi.Roll;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Several clients over one server and their own memories, with a network that delays, cuts off and keeps commands for a frozen server; clients
 * that stand still, crash, leave in order and come late, with clocks that differ and are set; a server that is killed, frozen, back with old data,
 * or without its roll. The clients' {@link Attendance} and {@link Agreements} are the real ones; what surrounds them is as simple as the promises of a
 * composite allow. Times are in milliseconds.
 */
final class AgreementWorld {
    static final long WITHIN = 5_000;
    /** What a read may be late by: two clocks' readings of the server's are off by a part of a round trip. */
    private static final long SLACK = 300;

    /** The last of them is read rarely: what is in the server stays there. */
    private static final int KEYS = 4;

    /** The caches by what their keys begin with; the keys are dealt out to them in turn. */
    private static final List<String> CACHES = List.of("c:", "d:");

    private static final int RARELY = 250;
    private static final long END = 115_000;
    private static final long TTL = 120_000;
    private static final long TIMEOUT = 300;
    private static final long RECENT = 4_000;
    /** Who was not answered for so long is as good as cut off for longer than is promised. */
    private static final long TOO_LONG = 25_000;

    private final SplittableRandom random;
    private final AgreementBug bug;
    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::number));
    private final List<Client> clients = new ArrayList<>();
    private final long[] truth = new long[KEYS];
    private final List<List<Change>> changes = new ArrayList<>();
    private final Server server;
    private final long grace;
    /** Whether whom nothing happens to changes hardly anything. */
    private final boolean quiet;
    /** Of its own, so that histories without a removal of everything stay what they were. */
    private final SplittableRandom clearing;

    private final boolean cleared;

    private @Nullable Client troubled;
    private long now;
    private long count;
    private int born;

    private record Event(long at, long number, Runnable action) {}

    private record Value(long version, long created, long until) {}

    private record Change(long version, long at, Client by, boolean promised) {}

    private AgreementWorld(long seed, AgreementBug bug) {
        this.random = new SplittableRandom(seed);
        this.bug = bug;
        this.server = new Server();
        this.grace = span(800, 4_000);
        this.quiet = random.nextInt(3) == 0;
        this.clearing = new SplittableRandom(~seed);
        this.cleared = clearing.nextInt(3) == 0;
        for (int i = 0; i < KEYS; i++) {
            changes.add(new ArrayList<>());
        }
    }

    /** Plays one history; throws an {@link AssertionError} if a promise is broken in it. */
    static void check(long seed, AgreementBug bug) {
        try {
            new AgreementWorld(seed, bug).play();
        } catch (AssertionError e) {
            throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
        }
    }

    private void play() {
        int members = 2 + random.nextInt(3);
        for (int i = 0; i < members; i++) {
            at(random.nextLong(3_000), this::start);
        }
        at(20_000, server::save);
        // The roll is new; what is promised begins once its unknown member is struck off.
        int troubles = 2 + random.nextInt(5);
        for (int i = 0; i < troubles; i++) {
            at(33_000 + random.nextLong(30_000), this::trouble);
        }
        while (!events.isEmpty() && events.peek().at() <= END) {
            Event next = events.poll();
            now = next.at();
            next.action().run();
        }
    }

    private void at(long time, Runnable action) {
        events.add(new Event(time, count++, action));
    }

    private void in(long millis, Runnable action) {
        at(now + millis, action);
    }

    private long span(long least, long most) {
        return least + random.nextLong(most - least + 1);
    }

    private void start() {
        Client client = new Client(born++, span(-2_000, 2_000));
        clients.add(client);
        client.tick();
    }

    private void trouble() {
        Client one = clients.get(random.nextInt(clients.size()));
        troubled = one;
        long length = span(500, 12_000);
        switch (random.nextInt(13)) {
            case 0 -> server.down(length, false);
            case 1 -> {
                if (cleared && clearing.nextBoolean()) {
                    takenOver(one, length);
                } else {
                    server.down(length, true);
                }
            }
            case 2, 3 -> server.freeze(length);
            case 4, 5 -> one.cutOff(length);
            case 6 -> one.pausedUntil = now + length;
            case 7 -> {
                // Crashes where that hurts most: while it is cut off, and comes back as somebody else.
                one.cutOff(length);
                at(now + random.nextLong(length + 1_000), () -> {
                    one.dead = true;
                    in(span(10, 8_000), this::start);
                });
            }
            case 8 -> {
                // A frozen server keeps what it was sent, and whoever is cut off meanwhile can't take it back.
                long frozen = span(1_000, 5_000);
                server.freeze(frozen);
                one.cutAfterBeat = frozen + span(2_000, 8_000);
                in(frozen, () -> one.cutAfterBeat = 0);
            }
            case 9 -> {
                one.leave();
                in(span(10, 5_000), this::start);
            }
            case 10 -> {
                if (cleared && clearing.nextBoolean()) {
                    startUnheard(length, one);
                } else {
                    one.mutedUntil = now + length;
                }
            }
            case 11 -> {
                // Comes late, cut off at first, and again soon after it was there.
                start();
                Client late = clients.get(clients.size() - 1);
                late.cutOff(span(500, 2_000));
                in(span(2_500, 6_000), () -> late.cutOff(span(2_000, 12_000)));
            }
            default -> {
                if (random.nextBoolean()) {
                    server.roll = new ModelRoll(bug);
                } else {
                    one.clockMillis += span(-3_000, 3_000);
                }
            }
        }
        if (random.nextInt(4) == 0) {
            in(random.nextLong(4_000), this::start);
        }
    }

    /** Starts one that is not told what time it is, and has its own idea of it; another clears a cache meanwhile. */
    private void startUnheard(long length, Client other) {
        Client late = new Client(born++, clearing.nextLong(1_000, 2_400));
        late.mutedUntil = now + length;
        clients.add(late);
        late.tick();
        in(clearing.nextLong(length), () -> other.run(() -> other.clear(clearing.nextInt(CACHES.size()))));
    }

    /**
     * A replica that is a little behind takes over. Two caches are cleared where that hurts most: one while what is written is lost, and one before
     * who knows of it has said it again.
     */
    private void takenOver(Client one, long length) {
        long behind = clearing.nextLong(20, 1_500);
        int cache = clearing.nextInt(CACHES.size());
        server.takenOver(behind, length);
        in(clearing.nextLong(behind), () -> one.run(() -> one.clear(cache)));
        Client other = clients.get(clearing.nextInt(clients.size()));
        in(behind + clearing.nextLong(length), () -> other.run(() -> other.clear((cache + 1) % CACHES.size())));
    }

    private static int cacheOf(int key) {
        return key % CACHES.size();
    }

    private static IntStream keysOf(int cache) {
        return IntStream.range(0, KEYS).filter(key -> cacheOf(key) == cache);
    }

    /** The server and the ways to it. */
    private final class Server {
        ModelRoll roll = new ModelRoll(bug);
        Map<Integer, Value> values = new HashMap<>();
        /** How often each key was changed: what a fill compares. */
        Map<Integer, Long> marks = new HashMap<>();

        /** Changes when it comes back with old data. */
        int process;

        private final Deque<Kept> kept = new ArrayDeque<>();
        private @Nullable Map<Integer, Value> saved;
        private ModelRoll savedRoll = new ModelRoll(bug);
        private long downUntil;
        private long frozenUntil;

        private record Kept(Client by, Runnable command) {}

        void down(long length, boolean oldData) {
            downUntil = Math.max(downUntil, now + length);
            kept.clear();
            if (oldData) {
                boolean veryOld = random.nextBoolean() && saved != null;
                Map<Integer, Value> snapshot = veryOld ? saved : new HashMap<>(values);
                ModelRoll rollThen = veryOld ? savedRoll.copy() : roll.copy();
                // What is written until it dies is lost.
                long dies = now + random.nextLong(2_000);
                downUntil = 0;
                at(dies, () -> {
                    downUntil = dies + length;
                    kept.clear();
                    values = new HashMap<>(snapshot);
                    process++;
                    roll = rollThen;
                    marks.replaceAll((key, mark) -> mark + 1_000_000);
                });
            }
        }

        /** What is written from now on is lost to who takes over, and nobody can tell by the server: its process is another for nobody. */
        void takenOver(long behind, long length) {
            Map<Integer, Value> snapshot = new HashMap<>(values);
            ModelRoll rollThen = roll.copy();
            in(behind, () -> {
                downUntil = now + length;
                kept.clear();
                values = new HashMap<>(snapshot);
                roll = rollThen;
                marks.replaceAll((key, mark) -> mark + 1_000_000);
                List.copyOf(clients).forEach(each -> each.run(each::open));
            });
        }

        /** Keeps what there is, for a restart much later. */
        void save() {
            saved = new HashMap<>(values);
            savedRoll = roll.copy();
            in(span(8_000, 20_000), this::save);
        }

        void freeze(long length) {
            frozenUntil = Math.max(frozenUntil, now + length);
            in(length, this::thaw);
        }

        private void thaw() {
            if (now >= frozenUntil) {
                while (!kept.isEmpty()) {
                    kept.poll().command().run();
                }
            }
        }

        /** Has a command done, and its answer or {@code null} for a failure told, once. */
        <T> void ask(Client by, Supplier<T> command, Consumer<@Nullable T> end) {
            boolean[] ended = new boolean[1];
            Consumer<@Nullable T> once = answer -> by.run(() -> {
                if (!ended[0]) {
                    ended[0] = true;
                    end.accept(answer);
                }
            });
            long there = random.nextInt(50) == 0 ? span(50, 250) : span(0, 3);
            long back = random.nextInt(50) == 0 ? span(50, 250) : span(0, 3);
            if (now < by.cutUntil) {
                in(TIMEOUT, () -> once.accept(null));
                return;
            }
            in(TIMEOUT, () -> once.accept(null));
            int connection = by.connection;
            in(there, () -> {
                if (now < by.cutUntil || connection != by.connection) {
                    return;
                }
                Runnable execute = () -> {
                    boolean met = by.process == process;
                    by.process = process;
                    if (!met) {
                        by.forgotten = true;
                        by.run(by::open);
                    }
                    // A process that a client has not met is compared with what it remembers before it is called.
                    T answer = met ? command.get() : null;
                    if (now >= by.cutUntil) {
                        in(back, () -> once.accept(answer));
                    }
                };
                if (now < downUntil) {
                    in(1, () -> once.accept(null));
                } else if (now < frozenUntil) {
                    kept.add(new Kept(by, execute));
                } else {
                    execute.run();
                }
            });
        }

        /** A client resets its connections: what was not read yet is dropped, unless the reset does not arrive. */
        void reset(Client by) {
            if (now >= by.cutUntil) {
                kept.removeIf(each -> each.by() == by);
            }
        }

        @Nullable
        Value get(int key) {
            Value value = values.get(key);
            return value == null || value.until() <= now ? null : value;
        }

        long mark(int key) {
            return marks.getOrDefault(key, 0L);
        }

        boolean remove(int key) {
            marks.merge(key, 1L, Long::sum);
            values.remove(key);
            return true;
        }

        boolean fill(int key, Value value, long seen) {
            if (mark(key) == seen) {
                values.put(key, value);
            }
            return true;
        }
    }

    private enum Mode {
        CLOSED,
        OPEN,
        RECOVERING
    }

    private record Seen(@Nullable Value value, long mark) {}

    /** An instance of the application with its cache. */
    private final class Client {
        final int id;
        final Agreements agreements;
        final Attendance attendance;
        /** One for each cache. */
        final List<Agreement> caches;

        Mode mode = Mode.CLOSED;
        final Set<Integer> dirty = new HashSet<>();
        final List<Recent> recent = new ArrayList<>();
        Map<Integer, Value> memory = new HashMap<>();
        final long[] ownChanges = new long[KEYS];
        /** What the clock is wrong by. */
        long clockMillis;

        long cutUntil;
        long pausedUntil;
        /** For how long it is cut off once it has said how it is; 0 if it is not. */
        long cutAfterBeat;

        /** While what it says of itself gets lost, and nothing else does. */
        long mutedUntil;

        long heardAt;
        long goodSince;
        long probedAt;
        boolean probing;
        boolean started;
        /** Whether the server has lost what it had acknowledged to this client. */
        boolean forgotten;

        boolean reached;
        long version;
        boolean versionWentBack;
        boolean draining;
        boolean dead;
        int connection;
        int process = server.process;

        private record Recent(int key, long at) {}

        Client(int id, long clockMillis) {
            this.id = id;
            this.clockMillis = clockMillis;
            this.agreements = new OwnAgreements();
            this.caches = CACHES.stream()
                    .map(prefix -> agreements.open(prefix, Duration.ofMillis(WITHIN), each -> false))
                    .toList();
            this.attendance = new Attendance("m" + id, agreements, random.split());
        }

        private Instant clock() {
            return Instant.ofEpochMilli(1_700_000_000_000L + now + clockMillis);
        }

        private long serverNow() {
            return agreements.serverMillis();
        }

        private long nanos() {
            return now * 1_000_000;
        }

        /** With what the bug breaks of them. */
        private final class OwnAgreements extends Agreements {
            OwnAgreements() {
                super(Client.this::clock, Client.this::nanos, true);
            }

            @Override
            void trust(long agoNanos, long forNanos) {
                boolean forEver = bug == AgreementBug.KNOWLEDGE_WITHOUT_EXPIRY;
                super.trust(agoNanos, forEver ? Duration.ofHours(1).toNanos() : forNanos);
            }

            @Override
            void awaits(boolean time) {
                super.awaits(time && bug != AgreementBug.DATED_BEFORE_HEARD);
            }

            @Override
            synchronized Map<String, Long> lackedBy(Map<String, Long> floors) {
                boolean compared = bug != AgreementBug.FLOORS_BY_VERSION || versionWentBack;
                return compared ? super.lackedBy(floors) : Map.of();
            }

            @Override
            long clear(String prefix, long before) {
                if (bug != AgreementBug.FLOOR_BY_OWN_CLOCK) {
                    return super.clear(prefix, before);
                }
                long floor = serverMillis();
                raise(Map.of(prefix, floor));
                return floor;
            }
        }

        /** Does something when this process runs, if it still does. */
        void run(Runnable action) {
            if (!dead) {
                if (now < pausedUntil) {
                    at(pausedUntil, () -> run(action));
                } else {
                    action.run();
                }
            }
        }

        void cutOff(long length) {
            cutUntil = Math.max(cutUntil, now + length);
        }

        void leave() {
            boolean owesNothing = mode != Mode.OPEN && dirty.isEmpty();
            Attendance.Saying saying = owesNothing ? attendance.leave(nanos()) : null;
            if (saying != null && now >= cutUntil && now >= server.downUntil && now >= server.frozenUntil) {
                server.roll.beat(saying.beat(), serverTime());
            }
            dead = true;
        }

        private long serverTime() {
            return 1_700_000_000_000L + now;
        }

        void tick() {
            run(() -> {
                stand();
                if (agreements.tick()) {
                    memory = new HashMap<>();
                }
                boolean reachable = mode != Mode.OPEN;
                Attendance.Saying saying = attendance.due(reachable, false, nanos());
                if (saying != null) {
                    say(saying);
                }
                lookAfterServer();
                in(span(50, 200), this::tick);
            });
        }

        private void stand() {
            boolean lacks = !dirty.isEmpty() && bug != AgreementBug.CLEAN_IGNORED;
            boolean serves = mode == Mode.CLOSED || bug == AgreementBug.CLEAN_IGNORED;
            attendance.stands(serves, lacks, nanos());
        }

        private void say(Attendance.Saying saying) {
            if (now < mutedUntil) {
                in(TIMEOUT, () -> run(() -> answered(saying, null)));
                return;
            }
            if (cutAfterBeat > 0) {
                long length = cutAfterBeat;
                in(5, () -> cutOff(length));
                cutAfterBeat = 0;
            }
            server.ask(this, () -> server.roll.beat(saying.beat(), serverTime()), roll -> answered(saying, roll));
        }

        private void answered(Attendance.Saying saying, @Nullable Roll roll) {
            if (!started) {
                // Nothing is called before the server has answered, or was found not to.
                started = true;
                if (roll == null) {
                    open();
                }
                act();
            }
            if (roll == null) {
                attendance.failed(saying, new IllegalStateException("no answer"), nanos());
            } else {
                stand();
                versionWentBack = roll.version() < version;
                version = roll.version();
                if (attendance.answered(saying, roll, nanos())) {
                    memory = new HashMap<>();
                }
                reached = true;
                heardAt = now;
                // As with a canary that is acknowledged: a snapshot that lacks them lacks it too.
                recent.removeIf(each -> now - each.at() > RECENT);
            }
        }

        private void lookAfterServer() {
            if (mode == Mode.CLOSED) {
                if (!dirty.isEmpty()) {
                    drain();
                }
                return;
            }
            if (!probing && now - probedAt >= 500) {
                probing = true;
                probedAt = now;
                server.ask(this, () -> true, answer -> {
                    probing = false;
                    probed(answer != null);
                });
            }
        }

        private void probed(boolean well) {
            if (mode == Mode.CLOSED) {
                return;
            }
            if (!well) {
                open();
            } else if (mode == Mode.OPEN) {
                mode = Mode.RECOVERING;
                goodSince = now;
            } else if (now - goodSince >= grace) {
                if (dirty.isEmpty()) {
                    mode = Mode.CLOSED;
                    stand();
                } else {
                    drain();
                }
            }
        }

        private void drain() {
            if (draining) {
                return;
            }
            draining = true;
            Set<Integer> keys = Set.copyOf(dirty);
            keys.forEach(key -> recent.add(new Recent(key, now)));
            long[] before = ownChanges.clone();
            server.ask(
                    this,
                    () -> {
                        keys.forEach(server::remove);
                        return true;
                    },
                    done -> {
                        draining = false;
                        if (done != null) {
                            keys.stream()
                                    .filter(key -> ownChanges[key] == before[key])
                                    .forEach(dirty::remove);
                            stand();
                        } else {
                            open();
                        }
                    });
        }

        private void open() {
            if (mode == Mode.CLOSED) {
                memory = new HashMap<>();
            }
            recent.forEach(each -> dirty.add(each.key()));
            if (forgotten) {
                // Its canary is lower than what was acknowledged: nothing that it has stored or removed there is sure.
                IntStream.range(0, KEYS).forEach(dirty::add);
                forgotten = false;
            }
            mode = Mode.OPEN;
            probedAt = now;
            connection++;
            server.reset(this);
            stand();
        }

        void act() {
            run(() -> {
                if (cleared && clearing.nextInt(troubled == this ? 20 : 100) == 0) {
                    clear(clearing.nextInt(CACHES.size()));
                } else if (random.nextInt(quiet && troubled != this ? 200 : 8) == 0) {
                    change(random.nextInt(KEYS));
                } else {
                    read(random.nextInt(RARELY) == 0 ? KEYS - 1 : random.nextInt(KEYS - 1));
                }
                in(span(100, 700), this::act);
            });
        }

        // A change of the source, and the removal that follows

        private void change(int key) {
            long version = ++truth[key];
            ownChanges[key]++;
            if (mode == Mode.CLOSED && !dirty.contains(key)) {
                recent.add(new Recent(key, now));
                server.ask(this, () -> server.remove(key), done -> {
                    if (done != null && mode == Mode.CLOSED) {
                        acknowledged(key, version);
                    } else {
                        if (done == null) {
                            open();
                        }
                        changeBelow(key, version);
                    }
                });
            } else {
                changeBelow(key, version);
            }
        }

        private void changeBelow(int key, long version) {
            dirty.add(key);
            stand();
            memory.remove(key);
            ownChanges[key]++;
            acknowledged(key, version);
        }

        private void acknowledged(int key, long version) {
            boolean promised = reached && now - heardAt < TOO_LONG;
            changes.get(key).add(new Change(version, now, this, promised));
        }

        // A removal of everything

        private void clear(int cache) {
            stand();
            String prefix = CACHES.get(cache);
            Attendance.Offer offer = attendance.clear(prefix, agreements.floorOver(prefix), mode == Mode.CLOSED);
            if (offer == null) {
                keysOf(cache).forEach(this::change);
                return;
            }
            Map<Integer, Long> versions = new HashMap<>();
            keysOf(cache).forEach(key -> {
                versions.put(key, ++truth[key]);
                ownChanges[key]++;
            });
            Attendance.Saying saying = attendance.due(mode != Mode.OPEN, false, nanos());
            if (saying != null) {
                say(saying);
            }
            awaitEnd(offer, versions, now + TIMEOUT);
        }

        private void awaitEnd(Attendance.Offer offer, Map<Integer, Long> versions, long end) {
            if (!isEnded(offer)) {
                if (now < end) {
                    in(1, () -> run(() -> awaitEnd(offer, versions, end)));
                    return;
                }
                attendance.owe(offer);
            }
            stand();
            versions.forEach((key, version) -> {
                ownChanges[key]++;
                acknowledged(key, version);
            });
        }

        private static boolean isEnded(Attendance.Offer offer) {
            try {
                return offer.await(0);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        // A read, with a load where there is nothing to believe

        private void read(int key) {
            long begun = now;
            boolean below = mode != Mode.CLOSED || dirty.contains(key);
            long limit = limit(key, below);
            if (below) {
                Value value = memory.get(key);
                found(key, begun, limit, true, new Seen(value, ownChanges[key]));
                return;
            }
            server.ask(this, () -> new Seen(server.get(key), server.mark(key)), seen -> {
                if (seen == null) {
                    open();
                    found(key, begun, limit, true, new Seen(memory.get(key), ownChanges[key]));
                } else {
                    found(key, begun, limit, false, seen);
                }
            });
        }

        private Agreement agreement(int key) {
            return caches.get(cacheOf(key));
        }

        private long limit(int key, boolean below) {
            boolean none = below && bug == AgreementBug.NO_LIMIT_BELOW;
            return none ? Long.MIN_VALUE : agreement(key).staleBefore(serverNow(), Long.MAX_VALUE);
        }

        private void found(int key, long begun, long limitBefore, boolean below, Seen seen) {
            Value value = seen.value();
            Agreement agreement = agreement(key);
            long limit = Math.max(limitBefore, limit(key, below));
            if (value != null && value.created() >= agreement.floor() && value.created() >= limit) {
                returned(key, value.version(), begun);
                return;
            }
            long version = truth[key];
            long mark = agreement.mark();
            long floor = agreement.floor();
            long stamp = ownChanges[key];
            in(
                    random.nextInt(5) == 0 ? span(20, 2_000) : span(1, 8),
                    () -> run(() -> {
                        returned(key, version, begun);
                        if (ownChanges[key] == stamp) {
                            long created = Math.max(agreement.timeOf(mark), floor);
                            store(key, new Value(version, created, now + TTL), below, seen.mark());
                        }
                    }));
        }

        private void store(int key, Value value, boolean below, long mark) {
            if (mode != Mode.CLOSED || dirty.contains(key)) {
                memory.put(key, value);
            } else if (!below) {
                server.ask(this, () -> server.fill(key, value, mark), done -> {
                    if (done == null) {
                        dirty.add(key);
                        open();
                    }
                });
            }
        }

        private void returned(int key, long version, long begun) {
            for (Change change : changes.get(key)) {
                if (change.version() > version && change.at() < begun) {
                    if (change.by() == this) {
                        throw new AssertionError(
                                "its own change was undone: client " + id + ", key " + key + ", at " + now);
                    }
                    if (change.promised() && begun - change.at() > WITHIN + SLACK) {
                        throw new AssertionError("client " + id + " returned at " + now + " what client "
                                + change.by().id + " had changed " + (begun - change.at()) + " ms before");
                    }
                }
            }
        }
    }
}
