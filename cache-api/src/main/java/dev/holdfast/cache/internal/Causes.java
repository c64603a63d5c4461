package dev.holdfast.cache.internal;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The causes of an exception that somebody else made, for implementations of stores and clients. They may lead back to themselves, which
 * {@link Throwable#initCause} allows: whoever follows them until there are no more may never come to an end.
 */
public final class Causes {
    /** How many are looked at. */
    public static final int MAX_DEPTH = 64;

    private Causes() {}

    /**
     * Returns an exception and its causes, the outermost first.
     *
     * @param e the exception, or {@code null} for none
     * @return at most {@value #MAX_DEPTH}
     */
    public static List<Throwable> of(@Nullable Throwable e) {
        List<Throwable> all = new ArrayList<>();
        for (Throwable cause = e; cause != null && all.size() < MAX_DEPTH; cause = cause.getCause()) {
            all.add(cause);
        }
        return all;
    }

    /**
     * Returns the innermost cause, or the exception itself if it has none; of causes that lead back to themselves one of them.
     *
     * @param e the exception
     */
    public static Throwable root(Throwable e) {
        List<Throwable> all = of(e);
        return all.get(all.size() - 1);
    }

    /**
     * Returns the outermost that is of a type.
     *
     * @param e the exception, or {@code null} for none
     * @param type the type
     * @return {@code null} if none is
     */
    public static <X extends Throwable> @Nullable X find(@Nullable Throwable e, Class<X> type) {
        for (Throwable cause : of(e)) {
            if (type.isInstance(cause)) {
                return type.cast(cause);
            }
        }
        return null;
    }
}
