package dev.holdfast.cache.validation;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Collects the results of a run, each shown as soon as it is known. For one thread. */
final class Findings {
    private final List<Result> results = new ArrayList<>();
    private final Consumer<Result> shown;

    Findings(Consumer<Result> shown) {
        this.shown = shown;
    }

    /** Adds a result, and says whether what builds upon it may go on. */
    boolean add(Result result) {
        results.add(result);
        shown.accept(result);
        return result.mark() != Mark.FAILED;
    }

    boolean anyFailed() {
        return results.stream().anyMatch(result -> result.mark() == Mark.FAILED);
    }

    Report report() {
        return new Report(results);
    }
}
