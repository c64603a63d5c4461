package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Whatever is thrown while something is decided, what was decided is done, and others decide. */
class SwitchboardTest {
    private final FakeWatch watch = new FakeWatch(FailoverConfig.DEFAULT);
    private final Switchboard switchboard = switchboard();
    private final List<Effect> performed = new ArrayList<>();

    private Switchboard switchboard() {
        Ticks ticks = new Ticks(() -> watch.now);
        List<Tier> tiers = new ArrayList<>();
        for (TierState state : watch.tiers) {
            tiers.add(new Tier(state, MemoryStore.create(1 << 16), ticks, FailoverConfig.DEFAULT));
        }
        return new Switchboard(watch.state, tiers, ticks, () -> watch.now, null, () -> Set.of("c:"));
    }

    /** Does nothing but to write down what it is to do. */
    private class Writing implements Performer {
        @Override
        public void perform(List<Effect> effects) {
            performed.addAll(effects);
        }
    }

    private long performed(Class<? extends Effect> kind) {
        return performed.stream().filter(kind::isInstance).count();
    }

    /** Decides on another thread, since the lock lets its owner in again. */
    private String servingAsAnotherSeesIt() throws Exception {
        FutureTask<String> other =
                new FutureTask<>(() -> switchboard.decide(state -> state.tiers.get(state.tiers.serving()).name));
        new Thread(other).start();
        return other.get(10, TimeUnit.SECONDS);
    }

    @Test
    void whatWasDecidedBeforeADecisionThrewIsDoneAndSeen() throws Exception {
        switchboard.attach(new Writing());

        assertThrows(
                NoClassDefFoundError.class,
                () -> switchboard.change(state -> {
                    state.tiers.get(0).circuit.forceFailover(watch.now);
                    throw new NoClassDefFoundError("planted");
                }));

        assertEquals(1, performed(Effect.Opened.class));
        assertEquals(1, performed(Effect.Disconnect.class));
        assertEquals("second", switchboard.route().tier().name);
        assertEquals("second", servingAsAnotherSeesIt());
    }

    @Test
    void whatCanNotBeNotedIsDoneAllTheSame() throws Exception {
        switchboard.attach(new Writing() {
            @Override
            public void note(List<Effect> effects) {
                if (!effects.isEmpty()) {
                    throw new NoClassDefFoundError("planted");
                }
            }
        });

        assertThrows(
                NoClassDefFoundError.class,
                () -> switchboard.change(state -> state.tiers.get(0).circuit.forceFailover(watch.now)));

        assertEquals(1, performed(Effect.Disconnect.class));
        assertEquals("second", servingAsAnotherSeesIt());
        performed.clear();
        switchboard.change(state -> state.fenced(Decisions.fence(state, 0, watch.now), true, watch.now));
        assertTrue(performed.isEmpty(), "nothing is done twice");
    }

    /** As where a key is back on the server above, and was changed there, between the memory's answer and its caller. */
    @Test
    void whatWasFilledIntoAMemoryThatIsNotItsKeysPlaceAnyMoreIsRemovedThereAgain() {
        switchboard.attach(new Writing());
        switchboard.change(state -> {
            state.tiers.get(0).circuit.forceFailover(watch.now);
            state.tiers.get(1).circuit.forceFailover(watch.now);
        });
        CacheStore memory = switchboard.route().store();
        Duration ttl = Duration.ofMinutes(1);

        String result = switchboard.call(
                null,
                Request.write(Kind.FILL, "c:k", ttl),
                "",
                (store, keys) -> {
                    store.put("c:k", new byte[] {1}, ttl);
                    switchboard.change(state -> state.tiers.get(2).outdate());
                    return "filled";
                },
                Duration.ofSeconds(5),
                0);

        assertEquals("filled", result);
        assertNull(memory.get("c:k"));
    }
}
