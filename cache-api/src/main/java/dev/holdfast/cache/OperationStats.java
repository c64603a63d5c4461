package dev.holdfast.cache;

/**
 * What a store has done since it was created or its statistics were reset.
 *
 * @param total operations
 * @param failed those that got no answer; at most {@code total}
 * @param latency how long they took
 */
public record OperationStats(long total, long failed, Latency latency) {
    /** Nothing yet. */
    public static final OperationStats NONE = new OperationStats(0, 0, Latency.NONE);

    /**
     * Returns the operations that got an answer, a refusal included.
     *
     * @return {@code total - failed}
     */
    public long successful() {
        return total - failed;
    }
}
