package dev.holdfast.cache.client;

import static org.jetbrains.lincheck.datastructures.ManagedStrategyGuaranteeKt.forClasses;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.kotlinx.lincheck.Actor;
import org.jetbrains.kotlinx.lincheck.execution.ExecutionScenario;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Test;

/**
 * Lincheck, as a model checker: it takes the steps of loads and changes of one key in orders of its own, not in those that a machine
 * happens to take. Whatever the order, who reads after a change was acknowledged sees nothing of a load that began before it
 * took effect, and nothing is left behind.
 */
public class FlightsLincheckTest {
    private static final String KEY = "k";
    private static final int NOTHING = 0;
    /** What is told to a caller that would have to wait. */
    private static final int LATER = Integer.MAX_VALUE;

    private final Flights<String, Integer> flights = new Flights<>(() -> Duration.ofHours(1));
    /** Loads that have begun; each finds its own number. */
    private final AtomicInteger begun = new AtomicInteger();

    private final AtomicInteger store = new AtomicInteger(NOTHING);
    /** The last load that began before an acknowledged change took effect. */
    private final AtomicInteger outdated = new AtomicInteger();

    /** For Lincheck. */
    public FlightsLincheckTest() {}

    /** A read that loads what it does not find; {@code late}: the lease runs out before the load ends. */
    @Operation
    public boolean read(boolean late) {
        int before = outdated.get();
        return find(late) > before;
    }

    @Operation
    public void change(boolean all) {
        int before = all ? flights.changingAll(this::emptied) : flights.changing(KEY, this::emptied);
        outdated.accumulateAndGet(before, Math::max);
    }

    private int emptied() {
        store.set(NOTHING);
        return begun.get();
    }

    private int find(boolean late) {
        int stamp = flights.stamp(KEY);
        int stored = store.get();
        return stored == NOTHING ? load(stamp, late) : stored;
    }

    private int load(int stamp, boolean late) {
        Flight<String, Integer> present = flights.find(KEY);
        // Made in any case: Lincheck sees into the futures of classes that it has seen being made.
        Waiter<String, Integer> waiter = new Waiter<>(present, null, Waiter.Patience.ENDLESS, null);
        if (present != null && present.join(waiter, false)) {
            return waiter.getNow(null) instanceof Outcome.Loaded<Integer> loaded ? loaded.value() : LATER;
        }
        Flight<String, Integer> own = flights.next(KEY, present);
        if (!flights.start(own, present)) {
            return LATER;
        }
        int stored = flights.stamp(KEY) == stamp ? NOTHING : store.get();
        if (stored == NOTHING) {
            return loadAndStore(own, late);
        }
        own.ended(new Outcome.Loaded<>(stored));
        flights.done(own);
        return stored;
    }

    private int loadAndStore(Flight<String, Integer> own, boolean late) {
        int value = begun.incrementAndGet();
        if (late) {
            own.expire(Outcome.overdue());
        }
        own.ended(new Outcome.Loaded<>(value));
        if (flights.tryStore(own)) {
            store.set(value);
        }
        if (flights.done(own)) {
            store.set(NOTHING);
        }
        return value;
    }

    @Validate
    public void nothingIsLeftBehind() {
        if (flights.count() + flights.changes() > 0) {
            throw new IllegalStateException(flights.count() + " loads, " + flights.changes() + " changes");
        }
    }

    @Test
    void noReadAfterAChangeSeesALoadFromBefore() throws NoSuchMethodException {
        check(120, List.of(List.of(reading(false)), List.of(changing(false))));
        check(120, List.of(List.of(reading(false)), List.of(changing(true))));
        check(20, List.of(List.of(reading(true)), List.of(reading(false)), List.of(changing(false))));
    }

    /** Tries so many orders of what threads do, each followed by a read. */
    private static void check(int orders, List<List<Actor>> threads) throws NoSuchMethodException {
        new ModelCheckingOptions()
                .iterations(0)
                .invocationsPerIteration(orders)
                .addCustomScenario(scenario(threads))
                // The one is linearizable, the other's methods hold a lock.
                .addGuarantee(forClasses(ConcurrentHashMap.class.getName(), Flight.class.getName())
                        .allMethods()
                        .treatAsAtomic())
                .check(FlightsLincheckTest.class);
    }

    private static ExecutionScenario scenario(List<List<Actor>> threads) throws NoSuchMethodException {
        Actor validation = new Actor(FlightsLincheckTest.class.getMethod("nothingIsLeftBehind"), List.of());
        return new ExecutionScenario(List.of(), threads, List.of(reading(false)), validation);
    }

    private static Actor reading(boolean late) throws NoSuchMethodException {
        return new Actor(FlightsLincheckTest.class.getMethod("read", boolean.class), List.of(late));
    }

    private static Actor changing(boolean all) throws NoSuchMethodException {
        return new Actor(FlightsLincheckTest.class.getMethod("change", boolean.class), List.of(all));
    }
}
