package dev.holdfast.cache.examples.instances;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.examples.instances.Ledger.Deed;
import dev.holdfast.cache.examples.instances.Ledger.Kind;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * One of several processes over one server: reads keys through its cache, with loads from the source that take so long, and changes some: the
 * source first, then it removes the key. Its client is configured by its environment.
 */
final class Member {
    static final int KEYS = 60;
    private static final int READERS = 3;
    /** Each of four changes three keys a second. */
    private static final long BETWEEN_CHANGES = TimeUnit.MILLISECONDS.toNanos(333);

    private static final long BETWEEN_READS = TimeUnit.MILLISECONDS.toNanos(12);

    private Member() {}

    /** The process: folder, its number, shortest and longest load in milliseconds. */
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        Ledger.Truth truth = new Ledger.Truth(folder.resolve("truth"), KEYS);
        Ledger.Book book = new Ledger.Book(folder.resolve("book" + args[1]));
        long shortest = Long.parseLong(args[2]);
        long longest = Long.parseLong(args[3]);
        SplittableRandom random = new SplittableRandom();
        CacheClient client = CacheClient.fromEnvironment();
        Cache<Integer, Long> cache =
                client.cache("agreed", Integer.class, Long.class).build();
        for (int i = 0; i < READERS; i++) {
            SplittableRandom own = random.split();
            start(() -> read(cache, truth, book, own, shortest, longest));
        }
        SplittableRandom own = random.split();
        start(() -> change(cache, truth, book, own));
        System.out.println("ready");
        while (System.in.read() >= 0) {}
        client.close();
        System.exit(0);
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }

    private static void read(
            Cache<Integer, Long> cache,
            Ledger.Truth truth,
            Ledger.Book book,
            SplittableRandom random,
            long shortest,
            long longest) {
        while (true) {
            LockSupport.parkNanos(BETWEEN_READS / 2 + random.nextLong(BETWEEN_READS));
            int key = random.nextInt(KEYS);
            long begun = System.nanoTime();
            try {
                Long version = cache.get(key, wanted -> {
                    long found = truth.version(wanted);
                    Thread.sleep(shortest + random.nextLong(longest - shortest + 1));
                    book.write(new Deed(Kind.LOAD, wanted, found, begun, System.nanoTime()));
                    return found;
                });
                book.write(new Deed(Kind.READ, key, version == null ? -1 : version, begun, System.nanoTime()));
            } catch (CacheException e) {
                book.write(new Deed(Kind.ERROR, key, 0, begun, System.nanoTime()));
            }
        }
    }

    private static void change(
            Cache<Integer, Long> cache, Ledger.Truth truth, Ledger.Book book, SplittableRandom random) {
        while (true) {
            LockSupport.parkNanos(BETWEEN_CHANGES / 2 + random.nextLong(BETWEEN_CHANGES));
            int key = random.nextInt(KEYS);
            long version = truth.change(key);
            long begun = System.nanoTime();
            try {
                cache.remove(key);
                book.write(new Deed(Kind.CHANGE, key, version, begun, System.nanoTime()));
            } catch (CacheException e) {
                book.write(new Deed(Kind.ERROR, key, version, begun, System.nanoTime()));
            }
        }
    }
}
