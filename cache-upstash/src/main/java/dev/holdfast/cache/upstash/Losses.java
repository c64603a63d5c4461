package dev.holdfast.cache.upstash;

import java.util.concurrent.atomic.AtomicLong;

/** What became of the connections that calls share: which were lost, how many broke, and which are in doubt for that. For any number of threads. */
final class Losses {
    private final Doubt doubt = new Doubt(System.nanoTime());
    private final Replacements replacements;
    private final AtomicLong broken = new AtomicLong();
    private final AtomicLong brokenBySmall = new AtomicLong();

    Losses(int maxConnections) {
        this.replacements = new Replacements(maxConnections);
    }

    /** The pace at which shared connections that were lost are replaced. */
    Replacements replacements() {
        return replacements;
    }

    /** How many shared connections broke, none of them by this side's doing. */
    long broken() {
        return broken.get();
    }

    /** How many of those did so under requests that no size could be held against. */
    long brokenBySmall() {
        return brokenBySmall.get();
    }

    /** Whether nothing may go out on one any more, since what befell others may have befallen it. */
    boolean isInDoubt(FramedSocket connection) {
        return doubt.isIn(connection.heardAt());
    }

    /** A shared connection gave no whole answer. */
    void lost(RestCall body, boolean answered) {
        FramedSocket connection = body.connection();
        if (connection == null) {
            return;
        }
        boolean silent = body.listening().isBroken();
        boolean byPeer = !answered
                && !silent
                && !body.isCancelled()
                && !Thread.currentThread().isInterrupted();
        if (connection.hasEndedUncounted()) {
            replacements.lost();
            if (byPeer) {
                broken.incrementAndGet();
                if (body.commands().stream().noneMatch(Command::isLarge)) {
                    brokenBySmall.incrementAndGet();
                }
            }
        }
        if (silent) {
            doubt.foundSilent(System.nanoTime());
        } else if (!answered && !Thread.currentThread().isInterrupted()) {
            doubt.broke(connection.heardAt(), body.sentAt(), System.nanoTime());
        }
    }

    /** Ends the connection of a call that was answered with what may be meant for another. */
    void distrust(RestCall body) {
        FramedSocket connection = body.connection();
        if (connection != null && !body.isMultiplexed()) {
            connection.sever();
            if (body.isOnShared() && connection.hasEndedUncounted()) {
                replacements.lost();
            }
        }
    }
}
