package dev.holdfast.cache.upstash;

import dev.holdfast.cache.internal.Backoff;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import okhttp3.Dns;
import org.jspecify.annotations.Nullable;

/**
 * Asks for the addresses of the database's name on a thread of its own, since the system's resolver may hang for longer than any
 * call may last: a call waits as long as it has time. One question at a time, shared by all who need the answer, and after a
 * failure a pause in which that failure is the answer. A question that says nothing for long is not waited for any more by those who come
 * later: the resolver may hang for ever, and not the next time. For any number of threads.
 */
final class Names implements Dns {
    private final Dns resolver;
    private final Executor threads;
    private final Supplier<@Nullable RestCall> current;
    private final LongSupplier nanos;
    private final Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(5));

    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable CompletableFuture<List<InetAddress>> question;

    /**
     * Makes one.
     *
     * @param resolver what may hang
     * @param threads runs it
     * @param current the call that the calling thread is busy with
     */
    Names(Dns resolver, Executor threads, Supplier<@Nullable RestCall> current) {
        this(resolver, threads, current, System::nanoTime);
    }

    Names(Dns resolver, Executor threads, Supplier<@Nullable RestCall> current, LongSupplier nanos) {
        this.resolver = resolver;
        this.threads = threads;
        this.current = current;
        this.nanos = nanos;
    }

    @Override
    public List<InetAddress> lookup(String host) throws UnknownHostException {
        CompletableFuture<List<InetAddress>> asked = question(host);
        RestCall call = current.get();
        if (call != null && !call.await(asked)) {
            throw unknown(host, "its name server had not answered when the call's time was over", null);
        }
        try {
            return asked.join();
        } catch (CompletionException e) {
            throw unknown(host, String.valueOf(e.getCause()), e);
        }
    }

    private static UnknownHostException unknown(String host, String why, @Nullable Throwable cause) {
        UnknownHostException failure = new UnknownHostException(host + ": " + UpstashErrors.quoted(why));
        failure.initCause(cause);
        return failure;
    }

    private CompletableFuture<List<InetAddress>> question(String host) {
        CompletableFuture<List<InetAddress>> mine = new CompletableFuture<>();
        lock.lock();
        try {
            boolean turn = backoff.tryBegin(nanos.getAsLong());
            if (question != null && !turn) {
                return question;
            }
            question = mine;
        } finally {
            lock.unlock();
        }
        ask(host, mine);
        return mine;
    }

    private void ask(String host, CompletableFuture<List<InetAddress>> answer) {
        try {
            threads.execute(() -> resolve(host, answer));
        } catch (RuntimeException | Error e) {
            end(answer, null, e);
        }
    }

    private void resolve(String host, CompletableFuture<List<InetAddress>> answer) {
        List<InetAddress> addresses = null;
        Throwable failure = null;
        try {
            addresses = resolver.lookup(host);
        } catch (Throwable e) {
            failure = e;
        } finally {
            end(answer, addresses, failure);
        }
    }

    private void end(
            CompletableFuture<List<InetAddress>> answer,
            @Nullable List<InetAddress> addresses,
            @Nullable Throwable failure) {
        if (addresses != null) {
            // Who hears of it may ask again.
            backoff.succeeded();
            answer.complete(addresses);
        } else {
            try {
                backoff.failed(nanos.getAsLong());
            } finally {
                answer.completeExceptionally(failure == null ? new UnknownHostException("no answer") : failure);
            }
        }
    }
}
