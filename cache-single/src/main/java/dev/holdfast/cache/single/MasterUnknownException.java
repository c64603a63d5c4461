package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.Causes;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** No sentinel says where the master is. */
final class MasterUnknownException extends IOException {
    private static final long serialVersionUID = 1L;

    private final Reason reason;
    private final boolean unanswered;

    private MasterUnknownException(String message, Reason reason, boolean unanswered) {
        super(message);
        this.reason = reason;
        this.unanswered = unanswered;
    }

    /** Creates one for sentinels none of which knows a master of this name. */
    static MasterUnknownException unheardOf(String master) {
        return new MasterUnknownException(
                "the sentinels know no master of the name " + master
                        + ": it must be the one of \"sentinel monitor\" in their configuration",
                Reason.REFUSED,
                false);
    }

    /**
     * Creates one for sentinels that did not answer.
     *
     * @param why why the first of them did not; {@code null} if there was no time
     */
    static MasterUnknownException unanswered(String sentinels, @Nullable Throwable why) {
        CacheUnavailableException known = Causes.find(why, CacheUnavailableException.class);
        MasterUnknownException unknown = new MasterUnknownException(
                "none of the sentinels " + sentinels + " says where the master is: "
                        + (known != null ? known.getMessage() : why == null ? "no answer in time" : why.toString()),
                known == null ? Reason.CONNECTION : known.reason(),
                true);
        unknown.initCause(why);
        return unknown;
    }

    /** Whether no sentinel answered. */
    boolean isUnanswered() {
        return unanswered;
    }

    /** What it means for a tier. */
    Reason reason() {
        return reason;
    }
}
