package dev.holdfast.cache.redis;

import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.Stamps;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Whose stamps a server's word on a changed key raises: by the prefix of the key, of which none begins with another. For any number of threads; keys are
 * told of on one at a time or on several.
 */
public final class Invalidations {
    private final KeyPrefix keyPrefix;
    private final List<Tracked> all = new CopyOnWriteArrayList<>();

    /**
     * What is tracked under one prefix.
     *
     * <p>Compared by identity.
     */
    public static final class Tracked {
        private final byte[] serverPrefix;
        private final int ownBytes;
        private final Stamps stamps;

        private Tracked(KeyPrefix keyPrefix, String prefix, Stamps stamps) {
            this.serverPrefix = keyPrefix.encodeKey(prefix);
            this.ownBytes = keyPrefix.encodeKey("").length;
            this.stamps = stamps;
        }

        /** Returns what the keys begin with on the server; not to be changed. */
        public byte[] serverPrefix() {
            return serverPrefix;
        }

        /** Returns the stamps that are raised. */
        public Stamps stamps() {
            return stamps;
        }

        private boolean isOf(byte[] bytes, int from, int to) {
            int length = serverPrefix.length;
            return to - from >= length && Arrays.equals(bytes, from, from + length, serverPrefix, 0, length);
        }
    }

    /** Creates one without prefixes, of a store whose keys have this one on the server. */
    public Invalidations(KeyPrefix keyPrefix) {
        this.keyPrefix = keyPrefix;
    }

    /** Adds a prefix; returns what is to be given to {@link #remove}. */
    public Tracked add(String prefix, Stamps stamps) {
        Tracked added = new Tracked(keyPrefix, prefix, stamps);
        all.add(added);
        return added;
    }

    /** Raises stamps for keys of a prefix no more. */
    public void remove(Tracked tracked) {
        all.remove(tracked);
    }

    /** Returns whether there are none. */
    public boolean isEmpty() {
        return all.isEmpty();
    }

    /** Returns all there are now. */
    public List<Tracked> all() {
        return all;
    }

    /** A key was changed, of which the server has this name. */
    public void changed(byte[] bytes, int from, int to) {
        for (Tracked each : all) {
            if (each.isOf(bytes, from, to)) {
                each.stamps.changed(bytes, from + each.ownBytes, to);
            }
        }
    }

    /** Every key may have been changed. */
    public void flush(FlushReason reason) {
        all.forEach(each -> each.stamps.flush(reason));
    }
}
