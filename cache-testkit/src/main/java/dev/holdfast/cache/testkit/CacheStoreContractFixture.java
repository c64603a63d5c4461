package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.spi.CacheStore;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What all parts of the contract share: the store under test, and lists of all its operations. */
@SuppressWarnings("NullAway") // half of it is about arguments that must not be null
abstract class CacheStoreContractFixture {
    /** For how long a test waits for what must come. */
    static final int PATIENCE_SECONDS = 20;

    /** Outlives every test. */
    static final Duration LONG = Duration.ofMinutes(10);

    /** Ends within a test. */
    static final Duration SHORT = Duration.ofMillis(40);

    static final byte[] VALUE = bytes("value");
    static final byte[] OTHER = bytes("other");

    /** What a removal may leave; its last eight bytes are its nonce. */
    static final byte[] TOMBSTONE = tombstone(1);

    private static final AtomicInteger PREFIXES = new AtomicInteger();

    @RegisterExtension
    final CacheStoreContractMode mode = new CacheStoreContractMode(this::inVirtualThreads);

    private final List<CacheStore> opened = new ArrayList<>();
    private String prefix = "";

    /** The store under test; empty when a test begins. */
    CacheStore store;

    /**
     * Makes a store over the place that all stores of this test class share.
     *
     * @param keyPrefix the key prefix of the store; empty for none
     * @return the store; the contract closes it
     * @throws Exception if it can't; the test fails
     */
    protected abstract CacheStore create(String keyPrefix) throws Exception;

    /**
     * Returns the key prefix of the store that a test works on. One of its own for each test, so that tests see nothing of
     * each other. A subclass that returns the empty string, to test a store without prefix, must see to it that
     * {@link #create} returns an empty store each time.
     *
     * @return the prefix
     */
    protected String keyPrefix() {
        return "contract" + Long.toString(System.nanoTime(), 36) + '-' + PREFIXES.incrementAndGet();
    }

    /**
     * Returns the size of the largest value that the store must take.
     *
     * @return a number of bytes; by default 16 MiB
     */
    protected int maxValueBytes() {
        return 16 << 20;
    }

    /**
     * Returns how many keys one call must take, in {@code getAll}, {@code putAll} and {@code removeAll}.
     *
     * @return by default 100,000
     */
    protected int maxKeysOfACall() {
        return 100_000;
    }

    /**
     * Says whether the store has means for {@link CacheStore#incrementOnce}; what is said is asserted.
     *
     * @return by default true
     */
    protected boolean hasIncrementOnce() {
        return true;
    }

    /**
     * Says whether a thread reads what it wrote ({@link dev.holdfast.cache.StoreHealth#readYourWrites}); what is said is asserted.
     *
     * @return by default true
     */
    protected boolean readsItsOwnWrites() {
        return true;
    }

    /**
     * Says whether calls may wait, so that {@link CacheStore#callBound} is positive and a thread that was interrupted is refused; what
     * is said is asserted.
     *
     * @return by default true
     */
    protected boolean waits() {
        return true;
    }

    /**
     * Says whether {@link CacheStore#within} bounds single calls, by a view that is not the store itself; what is said is asserted.
     *
     * @return by default {@link #waits}
     */
    protected boolean hasViews() {
        return waits();
    }

    /**
     * Says whether {@link CacheStore#removeLeaving} leaves something, as a store must that other processes see; what is said is asserted.
     *
     * @return by default {@link #waits}
     */
    protected boolean leavesTombstones() {
        return waits();
    }

    /**
     * Returns what {@code toString} and the messages of exceptions must not contain: passwords, tokens.
     *
     * @return the secrets that {@link #create} gave the store; by default none
     */
    protected Collection<String> secrets() {
        return List.of();
    }

    /**
     * Says whether each test, and every thread it starts, runs as a virtual thread. On a JVM without them the tests are
     * then skipped.
     *
     * @return by default, whether the system property {@code holdfast.virtual} is {@code true}
     */
    protected boolean inVirtualThreads() {
        return Boolean.getBoolean("holdfast.virtual");
    }

    @BeforeEach
    void createTheStore() throws Exception {
        prefix = keyPrefix();
        store = open(prefix);
    }

    @AfterEach
    void closeTheStores() {
        opened.forEach(CacheStore::close);
    }

    /** Another store over the same place, closed after the test. */
    final CacheStore open(String keyPrefix) throws Exception {
        CacheStore created = create(keyPrefix);
        opened.add(created);
        return created;
    }

    /** The prefix of the store under test. */
    final String prefix() {
        return prefix;
    }

    /** A call with a name for the message when it misbehaves. */
    record Call<T>(String name, BiConsumer<CacheStore, T> body) {
        void on(CacheStore store, T argument) {
            body.accept(store, argument);
        }
    }

    private static <T> Call<T> call(String name, BiConsumer<CacheStore, T> body) {
        return new Call<>(name, body);
    }

    /** Every operation that takes a key, or several of which this is one, or a prefix. */
    static List<Call<String>> callsWithKey() {
        List<Call<String>> calls = new ArrayList<>(callsWithSingleKey());
        calls.add(call("getAll", (s, k) -> s.getAll(Collections.singletonList(k))));
        calls.add(call("putAll", (s, k) -> s.putAll(Collections.singletonMap(k, VALUE), LONG)));
        calls.add(call("fillAll", (s, k) -> s.fillAll(Collections.singletonMap(k, VALUE), LONG)));
        calls.add(call(
                "fillAll, seen",
                (s, k) -> s.fillAll(Collections.singletonMap(k, VALUE), Collections.singletonMap(k, OTHER), LONG)));
        calls.add(
                call("removeAllLeaving", (s, k) -> s.removeAllLeaving(Collections.singletonList(k), TOMBSTONE, LONG)));
        calls.add(call("removeAll", (s, k) -> s.removeAll(Collections.singletonList(k))));
        calls.add(call("removeByPrefix", CacheStore::removeByPrefix));
        return calls;
    }

    private static List<Call<String>> callsWithSingleKey() {
        return List.of(
                call("get", CacheStore::get),
                call("put", (s, k) -> s.put(k, VALUE, LONG)),
                call("fill", (s, k) -> s.fill(k, VALUE, LONG)),
                call("fill, unseen", (s, k) -> s.fill(k, null, VALUE, LONG)),
                call("fill, seen", (s, k) -> s.fill(k, OTHER, VALUE, LONG)),
                call("removeLeaving", (s, k) -> s.removeLeaving(k, TOMBSTONE, LONG)),
                call("putIfAbsent", (s, k) -> s.putIfAbsent(k, VALUE, LONG)),
                call("replace", (s, k) -> s.replace(k, VALUE, OTHER, LONG)),
                call("remove", (s, k) -> s.remove(k)),
                call("remove(expected)", (s, k) -> s.remove(k, VALUE)),
                call("contains", CacheStore::contains),
                call("ttl", CacheStore::ttl),
                call("expire", (s, k) -> s.expire(k, LONG)),
                call("increment", (s, k) -> s.increment(k, 1, LONG)));
    }

    /** Every operation that takes a value. */
    static List<Call<byte[]>> callsWithValue() {
        return List.of(
                call("put", (s, v) -> s.put("k", v, LONG)),
                call("fill", (s, v) -> s.fill("k", v, LONG)),
                call("fill, unseen", (s, v) -> s.fill("k", null, v, LONG)),
                call("fill, value", (s, v) -> s.fill("k", VALUE, v, LONG)),
                call("removeLeaving", (s, v) -> s.removeLeaving("k", v, LONG)),
                call("removeAllLeaving", (s, v) -> s.removeAllLeaving(List.of("k"), v, LONG)),
                call("putAll", (s, v) -> s.putAll(Collections.singletonMap("k", v), LONG)),
                call("fillAll", (s, v) -> s.fillAll(Collections.singletonMap("k", v), LONG)),
                call("putIfAbsent", (s, v) -> s.putIfAbsent("k", v, LONG)),
                call("replace, expected", (s, v) -> s.replace("k", v, VALUE, LONG)),
                call("replace, value", (s, v) -> s.replace("k", VALUE, v, LONG)),
                call("remove, expected", (s, v) -> s.remove("k", v)));
    }

    /** Every operation that takes a time to live. */
    static List<Call<Duration>> callsWithTtl() {
        return List.of(
                call("put", (s, ttl) -> s.put("k", VALUE, ttl)),
                call("fill", (s, ttl) -> s.fill("k", VALUE, ttl)),
                call("fill, unseen", (s, ttl) -> s.fill("k", null, VALUE, ttl)),
                call("fill, seen", (s, ttl) -> s.fill("k", VALUE, VALUE, ttl)),
                call("fillAll, seen", (s, ttl) -> s.fillAll(Map.of("k", VALUE), Map.of(), ttl)),
                call("removeLeaving", (s, ttl) -> s.removeLeaving("k", TOMBSTONE, ttl)),
                call("removeAllLeaving", (s, ttl) -> s.removeAllLeaving(List.of("k"), TOMBSTONE, ttl)),
                call("putAll", (s, ttl) -> s.putAll(Map.of("k", VALUE), ttl)),
                call("fillAll", (s, ttl) -> s.fillAll(Map.of("k", VALUE), ttl)),
                call("putIfAbsent", (s, ttl) -> s.putIfAbsent("k", VALUE, ttl)),
                call("replace", (s, ttl) -> s.replace("k", VALUE, VALUE, ttl)),
                call("expire", (s, ttl) -> s.expire("k", ttl)),
                call("increment", (s, ttl) -> s.increment("k", 1, ttl)));
    }

    /** Every operation that may wait, once. */
    static Map<String, Consumer<CacheStore>> calls() {
        Map<String, Consumer<CacheStore>> calls = new LinkedHashMap<>();
        for (Call<String> call : callsWithKey()) {
            calls.put(call.name(), s -> call.on(s, call.name().equals("increment") ? "counter" : "key"));
        }
        calls.put("probe", s -> s.probe(Duration.ofSeconds(PATIENCE_SECONDS)));
        return calls;
    }

    /** A tombstone with this nonce, in bytes that are no text. */
    static byte[] tombstone(long nonce) {
        return ByteBuffer.allocate(28 + Long.BYTES)
                .put((byte) 0xFE)
                .putLong(28, nonce)
                .array();
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static @Nullable String text(byte @Nullable [] value) {
        return value == null ? null : new String(value, StandardCharsets.UTF_8);
    }

    final void assertHolds(String key, byte[] expected) {
        byte[] value = store.get(key);
        assertNotNull(value, () -> "no value under \"" + key + '"');
        assertArrayEquals(expected, value, () -> "the value under \"" + key + '"');
    }

    /** Stores a value and returns when it has expired, without asking for it: only a sibling on the same node is. */
    final void putAndLetExpire(String key) {
        store.put(key, VALUE, SHORT);
        awaitAsLongAs(SHORT, key);
    }

    /** Returns when what was stored before with the same time to live has expired. */
    final void awaitAsLongAs(Duration ttl, String key) {
        String sibling = key.startsWith("{") ? key + "-sibling" : "{" + key + "}-sibling";
        store.put(sibling, VALUE, ttl);
        eventually("the expiry of a key after " + ttl, () -> store.get(sibling) == null);
    }

    /** Polls until it is so; fails after {@link #PATIENCE_SECONDS}. */
    static void eventually(String what, BooleanSupplier condition) {
        if (!Polling.until(Duration.ofSeconds(PATIENCE_SECONDS), condition)) {
            fail("waited " + PATIENCE_SECONDS + " s in vain for " + what);
        }
    }
}
