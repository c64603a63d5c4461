package dev.holdfast.cache.validation;

import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** Looks at all nodes that are configured: the client asks the next one when one is away, and would meet a wrong one only then. */
final class Seeds {
    private Seeds() {}

    /**
     * Asks every node but the one that was asked already.
     *
     * @param cluster what that one said
     */
    static Result check(String check, Target asked, ClusterNodes cluster, List<Target> configured) {
        List<String> foreign = new ArrayList<>();
        List<String> refusing = new ArrayList<>();
        List<String> silent = new ArrayList<>();
        for (Target each : configured) {
            if (each.equals(asked)) {
                continue;
            }
            try (Conversation server = Conversation.with(each)) {
                if (!cluster.isThatOf(ClusterNodes.of(server))) {
                    foreign.add(each.address());
                }
            } catch (RefusedException e) {
                refusing.add(each.address() + " (" + ForeignText.shown(e.getMessage()) + ')');
            } catch (UncheckedIOException e) {
                silent.add(each.address());
            }
        }
        String place = asked.variables().place();
        if (!foreign.isEmpty()) {
            return Result.failed(
                    check,
                    String.join(", ", foreign) + " is of another cluster than " + asked,
                    "let " + place + " name nodes of one cluster");
        }
        if (!refusing.isEmpty()) {
            return Result.failed(
                    check,
                    "refused by " + String.join(", ", refusing),
                    "let " + place + " name nodes of one cluster, and all of them know "
                            + asked.variables().credentials());
        }
        return silent.isEmpty()
                ? Result.ok(check, "all " + configured.size() + " that are configured answer and are of one cluster")
                : Result.warning(
                        check,
                        "no answer from " + String.join(", ", silent),
                        "let " + place + " name nodes that are there");
    }
}
