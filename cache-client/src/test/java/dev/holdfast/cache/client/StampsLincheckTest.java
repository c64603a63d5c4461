package dev.holdfast.cache.client;

import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jetbrains.kotlinx.lincheck.Actor;
import org.jetbrains.kotlinx.lincheck.execution.ExecutionScenario;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Test;

/**
 * Lincheck, as a model checker: it takes the steps of readers that keep a copy, of changes that are told, and of connections that are lost in orders of its
 * own. Whatever the order, who reads after a change was told or a guard has ended gets no copy from before.
 */
public class StampsLincheckTest {
    private static final String KEY = "c:k";
    private static final int STRIPE = Stamps.stripe(KEY);

    private final Stamps stamps = new Stamps();
    private final AtomicInteger server = new AtomicInteger();
    private final AtomicReference<Guard> guard = new AtomicReference<>(new Guard());
    private final AtomicReference<Copy> copy = new AtomicReference<>();
    /** What everybody must see who begins to read. */
    private final AtomicInteger told = new AtomicInteger();

    private static final class Copy {
        private final int value;
        private final int stamp;
        private final Guard guard;

        Copy(int value, int stamp, Guard guard) {
            this.value = value;
            this.stamp = stamp;
            this.guard = guard;
        }
    }

    /** For Lincheck. */
    public StampsLincheckTest() {}

    @Operation
    public boolean read() {
        int least = told.get();
        Copy kept = copy.get();
        if (kept != null && kept.guard.isAlive() && stamps.at(STRIPE) == kept.stamp) {
            return kept.value >= least;
        }
        int stamp = stamps.at(STRIPE);
        Guard by = guard.get();
        int value = server.get();
        copy.set(new Copy(value, stamp, by));
        return value >= least;
    }

    @Operation
    public void change() {
        int changed = server.incrementAndGet();
        stamps.changed(KEY);
        told.accumulateAndGet(changed, Math::max);
    }

    @Operation
    public void lose() {
        int unheard = server.incrementAndGet();
        guard.getAndSet(new Guard()).end();
        told.accumulateAndGet(unheard, Math::max);
    }

    @Test
    void nobodyReadsACopyFromBeforeWhatWasTold() throws NoSuchMethodException {
        check(300, List.of(List.of(actor("read"), actor("read")), List.of(actor("change"))));
        check(300, List.of(List.of(actor("read"), actor("read")), List.of(actor("lose"))));
        check(200, List.of(List.of(actor("read")), List.of(actor("read")), List.of(actor("change"), actor("lose"))));
    }

    /** Tries so many orders of what threads do, each followed by two reads. */
    private static void check(int orders, List<List<Actor>> threads) throws NoSuchMethodException {
        new ModelCheckingOptions()
                .iterations(0)
                .invocationsPerIteration(orders)
                .addCustomScenario(
                        new ExecutionScenario(List.of(), threads, List.of(actor("read"), actor("read")), null))
                .check(StampsLincheckTest.class);
    }

    private static Actor actor(String operation) throws NoSuchMethodException {
        return new Actor(StampsLincheckTest.class.getMethod(operation), List.of());
    }
}
