package dev.holdfast.cache.upstash;

import java.util.List;

/**
 * A value that is stored if its key still holds what was seen.
 *
 * @param key the key as the caller gave it
 * @param parts the command
 * @param full the command for a database that does not know the script of the other; empty if that is none
 */
record Fill(String key, List<String> parts, List<String> full) {

    /** May be repeated: whoever stores it does not mind to hear that it is there. */
    Command command() {
        return Command.repeatable(parts);
    }

    /** Whether there is another command, for a database that does not know this one's script. */
    boolean mayBeUnknown() {
        return !full.isEmpty() && !full.equals(parts);
    }

    /** The same for a database that does not know the script. */
    Fill inFull() {
        return new Fill(key, full, full);
    }

    /** Whether a good reply says that it was stored. */
    boolean isDone(Reply reply) {
        return full.isEmpty() ? reply.isStored() : reply.isOne();
    }
}
