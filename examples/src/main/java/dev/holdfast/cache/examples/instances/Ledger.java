package dev.holdfast.cache.examples.instances;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * What processes of one machine share, in memory that outlives a process that is killed: the source of truth, a version for each key, and for
 * each process what it did. Times are {@link System#nanoTime}'s, which is the machine's.
 */
final class Ledger {
    /** What was done to a key, and between which moments. */
    record Deed(Kind kind, int key, long version, long begun, long ended) {}

    /** What can be done. */
    enum Kind {
        /** The version was returned. */
        READ(1),
        /** The version was made, and the removal that followed was acknowledged. */
        CHANGE(2),
        /** The version was loaded. */
        LOAD(3),
        /** A call threw. */
        ERROR(4);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        private static Kind of(int code) {
            for (Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new IllegalStateException("no kind has the code " + code);
        }
    }

    private static final int RECORD = 32;
    private static final int MOST = 1 << 20;
    private static final VarHandle LONG = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private Ledger() {}

    private static ByteBuffer map(Path file, long bytes) throws IOException {
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes).order(ByteOrder.nativeOrder());
        }
    }

    /** The version of each key at its source. */
    static final class Truth {
        private final ByteBuffer versions;

        Truth(Path file, int keys) throws IOException {
            this.versions = map(file, (long) keys * Long.BYTES);
        }

        long version(int key) {
            return (long) LONG.getVolatile(versions, key * Long.BYTES);
        }

        long change(int key) {
            return (long) LONG.getAndAdd(versions, key * Long.BYTES, 1L) + 1;
        }
    }

    /** What one process did. For one thread at a time. */
    static final class Book {
        private final ByteBuffer records;

        Book(Path file) throws IOException {
            this.records = map(file, Long.BYTES + (long) MOST * RECORD);
        }

        synchronized void write(Deed deed) {
            long count = (long) LONG.getVolatile(records, 0);
            if (count < MOST) {
                int at = (int) (Long.BYTES + count * RECORD);
                records.putLong(at, (long) deed.kind().code << 32 | deed.key());
                records.putLong(at + 8, deed.version());
                records.putLong(at + 16, deed.begun());
                records.putLong(at + 24, deed.ended());
                LONG.setVolatile(records, 0, count + 1);
            }
        }

        /** All that is in it. */
        List<Deed> read() {
            long count = (long) LONG.getVolatile(records, 0);
            List<Deed> deeds = new ArrayList<>((int) count);
            for (long i = 0; i < count; i++) {
                int at = (int) (Long.BYTES + i * RECORD);
                long what = records.getLong(at);
                deeds.add(new Deed(
                        Kind.of((int) (what >> 32)),
                        (int) what,
                        records.getLong(at + 8),
                        records.getLong(at + 16),
                        records.getLong(at + 24)));
            }
            return deeds;
        }
    }
}
