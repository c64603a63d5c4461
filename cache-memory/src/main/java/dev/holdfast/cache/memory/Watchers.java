package dev.holdfast.cache.memory;

import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** Who is told of a store's changes; where nobody is, a change costs the look whether somebody is. For any number of threads. */
final class Watchers {
    private final List<Watcher> all = new CopyOnWriteArrayList<>();

    /** Begins to tell. */
    Tracking add(MemoryStore store, String prefix, Stamps stamps) {
        Watcher added = new Watcher(store, prefix, stamps);
        all.add(added);
        return added;
    }

    /** A key was changed, or may have been; to be called once whoever reads sees it. */
    void changed(String key) {
        if (!all.isEmpty()) {
            for (Watcher each : all) {
                if (key.startsWith(each.prefix)) {
                    each.stamps.changed(key);
                }
            }
        }
    }

    /** One of them. */
    private final class Watcher implements Tracking {
        private final MemoryStore store;
        private final String prefix;
        private final Stamps stamps;
        private final Guard guard = new Guard();
        private final State state = new State(Kind.TRACKED, Instant.now(), null);

        Watcher(MemoryStore store, String prefix, Stamps stamps) {
            this.store = store;
            this.prefix = prefix;
            this.stamps = stamps;
        }

        @Override
        public Covered get(String key) {
            return new Covered(store.getShared(key), guard);
        }

        @Override
        public Map<String, Covered> getAll(Collection<String> keys) {
            return Covered.all(guard, store.getAll(keys));
        }

        @Override
        public boolean isPossible() {
            return true;
        }

        @Override
        public State state() {
            return state;
        }

        @Override
        public void close() {
            all.remove(this);
            guard.end();
        }
    }
}
