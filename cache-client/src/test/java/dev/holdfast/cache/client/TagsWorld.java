package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One history: a server and two clients of one cache, one of which keeps entries near. They put, load and read entries under tags and remove by tag; the server loses where tags stand, and
 * tells of changes late and in any order. Every value is a number of its own, of which is known when its making began and under which tags. All that may happen while something else is
 * under way happens there, by chance.
 */
final class TagsWorld {
    /** A rule that is broken on purpose. */
    enum Bug {
        /** A load learns where its tags stand when its loader has answered. */
        READ_AFTER_THE_LOADER,
        /** A removal leaves the number as it was. */
        RAISED_TO_THE_SAME,
        /** More time is given to a tag whatever stands there by now. */
        PROLONGED_WITHOUT_COMPARING,
        /** A load that chose its tags does not ask when they were removed. */
        CHOSEN_WITHOUT_AGE,
        /** What is kept near of a tag is believed where it makes an entry a miss. */
        MISSED_BY_A_COPY,
        /** A near entry is good whatever became of its tags. */
        NEAR_WITHOUT_TAGS
    }

    private static final List<String> KEYS = List.of("a", "b", "c");
    private static final List<String> TAGS = List.of("red", "blue");
    private static final int STEPS = 40;
    private static final int MOST_NESTED = 2;
    private static final Duration SHORT = Duration.ofMinutes(5);
    private static final Duration LONG = Duration.ofDays(30);

    private final Random random;
    private final @Nullable Bug bug;
    private final String name;
    private final FakeTime time = new FakeTime();
    private final Events events = new Events(task -> new Thread(() -> {}, "not needed: nobody listens"));
    private final List<Client> clients;

    // The server.
    private final Map<String, byte[]> values = new HashMap<>();
    private final Map<String, Long> ends = new HashMap<>();

    // What is known of it.
    private long moment;
    private final Map<Long, Made> made = new HashMap<>();
    /** When the last removal of a tag began that the server has done. */
    private final Map<String, Long> removed = new HashMap<>();
    /** How often keys and tags were changed in a way that may take an entry. */
    private final Map<String, Integer> disturbed = new HashMap<>();

    private int nested;
    private int choosing;
    private long found;

    /** A value: when its making began, and its tags. */
    private record Made(long begun, Set<String> tags) {}

    private record Push(String storeKey, Map<String, Long> removed) {}

    private TagsWorld(long seed, @Nullable Bug bug) {
        this.random = new Random(seed);
        this.bug = bug;
        this.name = "history of seed " + seed;
        this.clients = List.of(new Client(true), new Client(false));
    }

    /** Plays one; returns how many reads found something. */
    static long check(long seed, @Nullable Bug bug) {
        TagsWorld world = new TagsWorld(seed, bug);
        try {
            for (int i = 0; i < STEPS; i++) {
                world.step();
            }
        } finally {
            world.clients.forEach(Client::close);
        }
        return world.found;
    }

    private <T> T any(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    private void step() {
        Client client = any(clients);
        switch (random.nextInt(16)) {
            case 0, 1, 2, 3, 4, 5 -> client.read(any(KEYS));
            case 6, 7 -> client.put(any(KEYS));
            case 8, 9 -> client.load(any(KEYS));
            case 10 -> client.changeTag(any(TAGS));
            case 11 -> evict(any(TAGS));
            case 12, 13 -> clients.get(0).deliver();
            case 14 -> clients.get(0).connection();
            default -> time.advance(Duration.ofMillis(random.nextInt(100)));
        }
    }

    /** Whatever may happen meanwhile. */
    private void meanwhile() {
        moment++;
        if (nested < MOST_NESTED && random.nextInt(4) == 0) {
            nested++;
            step();
            nested--;
        }
        moment++;
    }

    private static String storeKey(String key) {
        return "c:" + key;
    }

    private static String tagKey(String tag) {
        return "c:#tag:" + tag;
    }

    // The server.

    private void changed(String storeKey) {
        clients.forEach(client -> client.changed(storeKey));
    }

    private void disturb(String storeKey) {
        disturbed.merge(storeKey, 1, Integer::sum);
    }

    /** Not while a load chooses its tags: nothing would be known then of a removal since it began. */
    private void evict(String tag) {
        if (choosing == 0 && random.nextBoolean() && values.remove(tagKey(tag)) != null) {
            disturb(tagKey(tag));
            changed(tagKey(tag));
        }
    }

    private void store(String storeKey, byte[] value, Duration ttl) {
        byte[] next = value;
        Generation present = Generation.of(values.get(storeKey));
        Generation given = Generation.of(value);
        if (bug == Bug.RAISED_TO_THE_SAME && given != null && given.removed() && present != null) {
            next = new Generation(true, present.number(), given.life(), given.until()).bytes();
        }
        values.put(storeKey, next);
        ends.put(storeKey, time.millis() + ttl.toMillis());
        changed(storeKey);
    }

    private byte @Nullable [] valueOf(String storeKey) {
        meanwhile();
        byte[] value = values.get(storeKey);
        meanwhile();
        return value;
    }

    private boolean fill(String storeKey, byte @Nullable [] seen, byte[] value, Duration ttl) {
        meanwhile();
        boolean prolonging = Generation.of(seen) != null;
        boolean stored =
                Arrays.equals(values.get(storeKey), seen) || (bug == Bug.PROLONGED_WITHOUT_COMPARING && prolonging);
        if (stored) {
            store(storeKey, value, ttl);
        }
        meanwhile();
        return stored;
    }

    private @Nullable Duration ttl(String storeKey) {
        meanwhile();
        Long end = values.containsKey(storeKey) ? ends.get(storeKey) : null;
        Duration left = end == null ? null : Duration.ofMillis(Math.max(1, end - time.millis()));
        meanwhile();
        return left;
    }

    /** Its interface, as far as it is used. */
    @SuppressWarnings("unchecked")
    private CacheStore server() {
        return (CacheStore) Proxy.newProxyInstance(
                TagsWorld.class.getClassLoader(), new Class<?>[] {CacheStore.class}, (proxy, method, arguments) -> {
                    switch (method.getName()) {
                        case "get", "getShared" -> {
                            return valueOf((String) arguments[0]);
                        }
                        case "getAll" -> {
                            Map<String, byte[]> all = new LinkedHashMap<>();
                            for (String storeKey : (Collection<String>) arguments[0]) {
                                byte[] value = valueOf(storeKey);
                                if (value != null) {
                                    all.put(storeKey, value);
                                }
                            }
                            return all;
                        }
                        case "put" -> {
                            meanwhile();
                            store((String) arguments[0], (byte[]) arguments[1], (Duration) arguments[2]);
                            meanwhile();
                            return null;
                        }
                        case "replace" -> {
                            return fill((String) arguments[0], (byte[]) arguments[1], (byte[]) arguments[2], (Duration)
                                    arguments[3]);
                        }
                        case "fill" -> {
                            return fill((String) arguments[0], (byte[]) arguments[1], (byte[]) arguments[2], (Duration)
                                    arguments[3]);
                        }
                        case "ttl" -> {
                            return ttl((String) arguments[0]);
                        }
                        case "callBound" -> {
                            return Duration.ofSeconds(1);
                        }
                        default -> throw new UnsupportedOperationException(method.getName());
                    }
                });
    }

    /** One client. */
    private final class Client {
        private final Entries<String> entries = new Entries<>("c:", Codec.string(), time);
        private final Stamps stamps = new Stamps();
        private final @Nullable Near<String, String> near;
        private final CacheStore own;
        private final Tags tags;
        private final Reads<String> reads;
        private final List<Push> pushes = new ArrayList<>();
        private @Nullable Guard guard;
        /** When the last removal of a tag began that this client was told of, or has done itself. */
        private final Map<String, Long> floor = new HashMap<>();
        /** Values that were found to be removed, and when. */
        private final Map<Long, Long> dead = new HashMap<>();

        Client(boolean keepsNear) {
            CacheStore there = server();
            if (keepsNear) {
                NearClock clock =
                        new NearClock(time, task -> new Thread(() -> {}, "not needed: the clock is no system's"));
                guard = new Guard();
                near = new Near<>(
                        new Told(this), stamps, NearCache.ofBytes(4 << 20), clock, Function.identity(), entries);
                own = new NearStore(there, stamps);
                tags = new Tags(
                        there,
                        own,
                        TagsWorld::tagKey,
                        time::millis,
                        new NearTags(near.tracking(), stamps, TagsWorld::tagKey));
            } else {
                near = null;
                own = there;
                tags = new Tags(there, there, TagsWorld::tagKey, time::millis, null);
            }
            reads = new Reads<>(own, entries, new Counters("c", events, () -> NearStats.NONE), believed());
        }

        private TagReader believed() {
            if (bug != Bug.MISSED_BY_A_COPY) {
                return tags;
            }
            return new TagReader() {
                @Override
                public Map<String, Known> read(Collection<String> names) {
                    return tags.read(names);
                }
            };
        }

        void close() {
            if (near != null) {
                near.close();
            }
        }

        // What it is told.

        void changed(String storeKey) {
            if (guard != null) {
                pushes.add(new Push(storeKey, Map.copyOf(removed)));
            }
        }

        void deliver() {
            if (!pushes.isEmpty()) {
                Push push = pushes.remove(random.nextInt(pushes.size()));
                stamps.changed(push.storeKey());
                for (String tag : TAGS) {
                    if (push.storeKey().equals(tagKey(tag))) {
                        knows(tag, push.removed().getOrDefault(tag, 0L));
                    }
                }
            }
        }

        void connection() {
            Guard present = guard;
            if (near == null || random.nextInt(3) > 0) {
                return;
            }
            if (present == null) {
                guard = new Guard();
                return;
            }
            present.end();
            guard = null;
            pushes.clear();
            removed.forEach(this::knows);
        }

        private void knows(String tag, long of) {
            floor.merge(tag, of, Math::max);
        }

        // What it does.

        private CachePolicy policy(Set<String> with) {
            return CachePolicy.of(random.nextInt(4) == 0 ? LONG : SHORT).withTags(with.toArray(String[]::new));
        }

        private Set<String> someTags() {
            Set<String> some = new TreeSet<>();
            some.add(any(TAGS));
            if (random.nextInt(3) == 0) {
                some.add(any(TAGS));
            }
            return some;
        }

        private long make(Set<String> with) {
            moment++;
            made.put(moment, new Made(moment, with));
            return moment;
        }

        void put(String key) {
            Set<String> with = someTags();
            CachePolicy policy = policy(with);
            Map<String, Integer> before = new HashMap<>(disturbed);
            Map<String, Long> numbers = tags.toStore(policy.tags(), Tags.lifeOf(policy));
            long id = make(with);
            Entries.Encoded entry = entries.encode(storeKey(key), Long.toString(id), policy, numbers);
            disturb(storeKey(key));
            int change = disturbed.getOrDefault(storeKey(key), 0);
            own.put(storeKey(key), entry.entry(), entry.ttl());
            boolean calm = disturbed.getOrDefault(storeKey(key), 0) == change && sameTags(with, before, disturbed);
            if (calm && random.nextBoolean()) {
                mustFind(key, id, with);
            }
        }

        private boolean sameTags(Set<String> with, Map<String, Integer> before, Map<String, Integer> now) {
            return with.stream()
                    .allMatch(tag -> now.getOrDefault(tagKey(tag), 0).equals(before.getOrDefault(tagKey(tag), 0)));
        }

        /** What was just put is there, unless something comes in between. */
        private void mustFind(String key, long id, Set<String> with) {
            Map<String, Integer> before = new HashMap<>(disturbed);
            Long value = find(key);
            boolean calm = disturbed.getOrDefault(storeKey(key), 0).equals(before.getOrDefault(storeKey(key), 0))
                    && sameTags(with, before, disturbed);
            if (calm && (value == null || value != id)) {
                throw new AssertionError(name + ": " + key + " was put as " + id + ", and read as " + value);
            }
        }

        void load(String key) {
            boolean chosen = random.nextBoolean();
            choosing += chosen ? 1 : 0;
            load(key, chosen);
            choosing -= chosen ? 1 : 0;
        }

        private void load(String key, boolean chosen) {
            Set<String> with = someTags();
            CachePolicy policy = policy(chosen ? Set.of() : with);
            Map<String, Long> numbers = chosen ? unknown(with) : Map.of();
            byte[] seen = own.get(storeKey(key));
            long begunAt = time.getAsLong();
            if (!chosen && bug != Bug.READ_AFTER_THE_LOADER) {
                numbers = tags.toStore(policy.tags(), Tags.lifeOf(policy));
            }
            long id = make(with);
            meanwhile();
            if (!chosen && bug == Bug.READ_AFTER_THE_LOADER) {
                numbers = tags.toStore(policy.tags(), Tags.lifeOf(policy));
            }
            Entries.Encoded entry = entries.encode(storeKey(key), Long.toString(id), policy, numbers);
            if (chosen) {
                Map<String, Long> since = bug == Bug.CHOSEN_WITHOUT_AGE
                        ? tags.toStore(with, entry.ttl())
                        : tags.toStoreSince(with, entry.ttl(), () -> time.getAsLong() - begunAt);
                if (since == null) {
                    return;
                }
                Envelope.number(entry.entry(), since);
            }
            disturb(storeKey(key));
            boolean unused = own.fill(storeKey(key), seen, entry.entry(), entry.ttl());
        }

        private Map<String, Long> unknown(Set<String> with) {
            Map<String, Long> numbers = new LinkedHashMap<>();
            with.forEach(tag -> numbers.put(tag, 0L));
            return numbers;
        }

        /** Removes all that has a tag, or makes it stale, which nobody here is content with. */
        void changeTag(String tag) {
            moment++;
            long begun = moment;
            disturb(tagKey(tag));
            CachePolicy policy = CachePolicy.of(random.nextInt(4) == 0 ? LONG : SHORT);
            if (random.nextBoolean()) {
                tags.markStale(tag, policy);
            } else {
                tags.remove(tag, policy);
            }
            removed.merge(tag, begun, Math::max);
            knows(tag, begun);
        }

        void read(String key) {
            Long unused = find(key);
        }

        private @Nullable Long find(String key) {
            moment++;
            long began = moment;
            Map<String, Long> least = Map.copyOf(near == null ? removed : floor);
            Near.Kept<String> kept = near == null ? null : near.find(key);
            String value;
            if (kept != null) {
                value = kept.value();
            } else {
                value = readStore(key);
            }
            if (value == null) {
                return null;
            }
            found++;
            long id = Long.parseLong(value);
            returned(key, id, began, least);
            return id;
        }

        private @Nullable String readStore(String key) {
            Near<String, String>.Reading reading = near == null ? null : near.begin(key, storeKey(key));
            meanwhile();
            byte[] entry = reads.get(storeKey(key), reading);
            meanwhile();
            if (entry == null) {
                if (reading != null) {
                    reading.end(null, Entries.State.EXPIRED, null);
                }
                return null;
            }
            Entries.State state = reads.state(storeKey(key), entry, time.millis(), Long.MAX_VALUE, reading);
            meanwhile();
            String value = state == Entries.State.FRESH ? entries.decode(entry) : null;
            if (reading != null) {
                if (bug == Bug.NEAR_WITHOUT_TAGS) {
                    reading.under(List.of());
                }
                reading.end(entry, state, value);
            }
            if (value == null) {
                dead.putIfAbsent(Long.parseLong(entries.decode(entry)), moment);
            }
            return value;
        }

        private void returned(String key, long id, long began, Map<String, Long> least) {
            Made what = made.get(id);
            if (what == null) {
                throw new AssertionError(name + ": nobody made " + id);
            }
            for (String tag : what.tags()) {
                long removal = least.getOrDefault(tag, 0L);
                if (what.begun() < removal) {
                    throw new AssertionError(name + ": " + key + " was read as made at " + what.begun() + " under "
                            + tag + ", though that was removed at " + removal);
                }
            }
            Long death = dead.get(id);
            if (death != null && death < began) {
                throw new AssertionError(name + ": " + key + " was read as made at " + id
                        + ", though it was found to be removed at " + death);
            }
        }
    }

    /** What tells one client of changes. */
    private final class Told implements Tracking {
        private final Client client;

        Told(Client client) {
            this.client = client;
        }

        @Override
        public Covered get(String storeKey) {
            Guard before = client.guard;
            return new Covered(valueOf(storeKey), before);
        }

        @Override
        public Map<String, Covered> getAll(Collection<String> storeKeys) {
            Map<String, Covered> all = new LinkedHashMap<>();
            storeKeys.forEach(each -> {
                Covered covered = get(each);
                if (covered.value() != null) {
                    all.put(each, covered);
                }
            });
            return all;
        }

        @Override
        public boolean isPossible() {
            return true;
        }

        @Override
        public State state() {
            return new State(client.guard == null ? Kind.INTERRUPTED : Kind.TRACKED, Instant.EPOCH, null);
        }

        @Override
        public void close() {
            client.stamps.flush(FlushReason.CLEARED);
        }
    }
}
