package dev.holdfast.cache.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A loss is said on evidence alone, and never because of what was asked and not heard. */
class CanaryLogTest {
    @Test
    void noOrderOfQuestionsAnswersAndSilenceSaysThatAServerLostWritesThatDidNot() {
        for (int seed = 0; seed < 5_000; seed++) {
            Random random = new Random(seed);
            History history = new History();
            for (int step = 0; step < 60; step++) {
                assertFalse(history.step(random), "seed " + seed);
            }
        }
    }

    @Test
    void aLossIsSeenByTheFirstQuestionAfterTwoThatWereAnsweredWhateverWasInDoubtBefore() {
        for (int seed = 0; seed < 2_000; seed++) {
            Random random = new Random(seed);
            History history = new History();
            byte[] old = history.answered();
            for (int step = 0; step < 30; step++) {
                history.step(random);
            }
            history.answered();
            byte[] beforeLast = history.value;
            history.answered();
            history.value = random.nextInt(3) == 0 ? null : random.nextBoolean() ? old : beforeLast;

            assertTrue(history.isLossSeen(), "seed " + seed);
        }
    }

    @Test
    void aQuestionThatWasSentTwiceMayBeExecutedAgainAfterItsNumberWasSeenOverwritten() {
        for (boolean twice : List.of(true, false)) {
            CanaryLog canary = new CanaryLog(new byte[] {1});
            CanaryLog.Question first = canary.ask();
            if (twice) {
                canary.repeats(first);
            }
            assertFalse(canary.acknowledge(first, null, new Object()));
            CanaryLog.Question second = canary.ask();
            assertFalse(canary.acknowledge(second, first.digits(), new Object()));

            assertEquals(!twice, canary.acknowledge(canary.ask(), first.digits(), new Object()));
        }
    }

    @Test
    void whatIsAcknowledgedIsRememberedWhateverIsInDoubt() {
        CanaryLog canary = new CanaryLog(new byte[] {1});
        CanaryLog.Question first = canary.ask();
        assertFalse(canary.acknowledge(first, null, new Object()));
        CanaryLog.Question oldest = canary.ask();
        for (int i = 0; i < 2_000; i++) {
            CanaryLog.Question unused = canary.ask();
        }

        assertFalse(canary.isLoss(canary.ask(), first.digits(), new Object()));
        assertTrue(canary.isLoss(canary.ask(), oldest.digits(), new Object()), "doubt has an end");
    }

    /** A key of a server, and questions of which each is executed at some time after it was asked and answered at some time after that. */
    private static final class History {
        private final CanaryLog canary = new CanaryLog(new byte[] {1});
        private final List<CanaryLog.Question> asked = new ArrayList<>();
        private final Map<CanaryLog.Question, Optional<byte[]>> executed = new LinkedHashMap<>();
        private byte[] value;

        /** Something that may happen next; returns whether the canary says that something was lost. */
        boolean step(Random random) {
            switch (random.nextInt(4)) {
                case 0 -> asked.add(canary.ask());
                case 1 -> {
                    if (!asked.isEmpty()) {
                        execute(asked.remove(random.nextInt(asked.size())));
                    }
                }
                case 2 -> {
                    if (!executed.isEmpty()) {
                        List<CanaryLog.Question> unanswered = List.copyOf(executed.keySet());
                        return answer(unanswered.get(random.nextInt(unanswered.size())));
                    }
                }
                default -> {
                    if (!executed.isEmpty() && random.nextBoolean()) {
                        executed.remove(executed.keySet().iterator().next());
                    }
                }
            }
            return false;
        }

        private void execute(CanaryLog.Question question) {
            executed.put(question, Optional.ofNullable(value));
            value = question.digits();
        }

        private boolean answer(CanaryLog.Question question) {
            return canary.acknowledge(question, executed.remove(question).orElse(null), new Object());
        }

        /** Asks once more and hears the answer; returns what was written. */
        byte[] answered() {
            CanaryLog.Question question = canary.ask();
            execute(question);
            assertFalse(answer(question));
            return value;
        }

        boolean isLossSeen() {
            CanaryLog.Question question = canary.ask();
            execute(question);
            return answer(question);
        }
    }
}
