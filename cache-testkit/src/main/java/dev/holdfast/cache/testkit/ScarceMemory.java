package dev.holdfast.cache.testkit;

import java.util.AbstractCollection;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;

/** Two keys, of which there is memory for the first alone: whoever goes through them meets an Error half way. */
final class ScarceMemory extends AbstractCollection<String> {
    private final String first;

    ScarceMemory(String first) {
        this.first = first;
    }

    @Override
    public int size() {
        return 2;
    }

    @Override
    public Iterator<String> iterator() {
        return firstThenError(first);
    }

    /** The same keys, each with this value. */
    Map<String, byte[]> asMap(byte[] value) {
        return new AbstractMap<>() {
            @Override
            public Set<Entry<String, byte[]>> entrySet() {
                return new AbstractSet<>() {
                    @Override
                    public Iterator<Entry<String, byte[]>> iterator() {
                        return firstThenError(Map.entry(first, value));
                    }

                    @Override
                    public int size() {
                        return 2;
                    }
                };
            }
        };
    }

    private static <T> Iterator<T> firstThenError(T first) {
        return new Iterator<>() {
            private boolean isGiven;

            @Override
            public boolean hasNext() {
                return true;
            }

            @Override
            public T next() {
                if (isGiven) {
                    throw new OutOfMemoryError("made by a test");
                }
                isGiven = true;
                return first;
            }
        };
    }
}
