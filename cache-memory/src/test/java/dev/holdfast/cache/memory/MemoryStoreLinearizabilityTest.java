package dev.holdfast.cache.memory;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.junit.jupiter.api.Test;

/** Lincheck: whatever threads do to one key, with reads that bypass Caffeine's map, some order of their calls explains it. */
@Param(name = "value", gen = IntGen.class, conf = "1:3")
public class MemoryStoreLinearizabilityTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final String KEY = "k";
    private static final int ABSENT = -1;

    private final CacheStore store = MemoryStore.create(1 << 20);

    /** For Lincheck. */
    public MemoryStoreLinearizabilityTest() {}

    @Operation
    public int get() {
        byte[] value = store.getShared(KEY);
        return value == null ? ABSENT : value[0];
    }

    @Operation
    public void put(@Param(name = "value") int value) {
        store.put(KEY, bytes(value), TTL);
    }

    @Operation
    public boolean putIfAbsent(@Param(name = "value") int value) {
        return store.putIfAbsent(KEY, bytes(value), TTL);
    }

    @Operation
    public boolean replace(@Param(name = "value") int expected, @Param(name = "value") int value) {
        return store.replace(KEY, bytes(expected), bytes(value), TTL);
    }

    @Operation
    public boolean expire() {
        return store.expire(KEY, TTL);
    }

    @Operation
    public boolean remove() {
        return store.remove(KEY);
    }

    @Operation
    public boolean removeIf(@Param(name = "value") int expected) {
        return store.remove(KEY, bytes(expected));
    }

    private static byte[] bytes(int value) {
        return new byte[] {(byte) value};
    }

    /**
     * Few, since Lincheck's threads wait for each other without rest, which takes minutes where others want the processors too; more by
     * {@code -Dlincheck.invocations=2000}.
     */
    @Test
    void someOrderOfTheCallsExplainsWhatTheyReturned() {
        new StressOptions()
                .iterations(10)
                .invocationsPerIteration(Integer.getInteger("lincheck.invocations", 50))
                .threads(2)
                .actorsPerThread(4)
                .check(MemoryStoreLinearizabilityTest.class);
    }
}
