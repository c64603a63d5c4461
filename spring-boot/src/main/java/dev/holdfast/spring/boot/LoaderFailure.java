package dev.holdfast.spring.boot;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoadException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** What a loader of Spring's threw, told apart from what the cache throws. */
final class LoaderFailure extends Exception {
    private static final long serialVersionUID = 1L;

    private LoaderFailure(Exception cause) {
        super(cause);
    }

    /** Calls a loader; an interrupt stays what it is. */
    static <T> @Nullable T call(Callable<T> loader) throws Exception {
        try {
            return loader.call();
        } catch (InterruptedException | CacheInterruptedException e) {
            throw e;
        } catch (Exception e) {
            throw new LoaderFailure(e);
        }
    }

    /** What the loader threw; the exception itself if there was nothing to throw, since it took too long. */
    static Throwable of(CacheLoadException failed) {
        Throwable cause = failed.getCause();
        if (cause == null) {
            return failed;
        }
        Throwable thrown = cause instanceof LoaderFailure ? cause.getCause() : cause;
        return thrown == null ? failed : thrown;
    }
}
