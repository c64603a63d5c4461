package dev.holdfast.cache.testkit;

import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Tracking;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** Tracking of the store behind a {@link ScriptedStore}, whose reads go by the script. Its state is that of both, as is its use by threads. */
final class ScriptedTracking implements Tracking {
    private final ScriptedStore reads;
    private final Tracking behind;

    ScriptedTracking(ScriptedStore reads, Tracking behind) {
        this.reads = reads;
        this.behind = behind;
    }

    @Override
    public Covered get(String key) {
        Guard before = behind.get(key).guard();
        return new Covered(reads.getShared(key), before);
    }

    @Override
    public Map<String, Covered> getAll(Collection<String> keys) {
        Map<String, Covered> before = behind.getAll(keys);
        Map<String, Covered> found = new HashMap<>();
        reads.getAll(keys).forEach((key, value) -> {
            Covered known = before.get(key);
            found.put(key, new Covered(value, known == null ? null : known.guard()));
        });
        return found;
    }

    @Override
    public boolean isPossible() {
        return behind.isPossible();
    }

    @Override
    public State state() {
        return behind.state();
    }

    @Override
    public void close() {
        behind.close();
    }
}
