package dev.holdfast.spring.boot;

import org.springframework.boot.autoconfigure.condition.ConditionMessage;
import org.springframework.boot.autoconfigure.condition.ConditionOutcome;
import org.springframework.boot.autoconfigure.condition.SpringBootCondition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.core.type.AnnotatedTypeMetadata;

/** Matches where {@code spring.cache.type} does not choose another provider. */
final class NoCacheTypeCondition extends SpringBootCondition {
    private static final String PROPERTY = "spring.cache.type";

    @Override
    public ConditionOutcome getMatchOutcome(ConditionContext context, AnnotatedTypeMetadata metadata) {
        ConditionMessage.Builder message = ConditionMessage.forCondition("Holdfast cache");
        String type = context.getEnvironment().getProperty(PROPERTY);
        return type == null
                ? ConditionOutcome.match(message.because("no " + PROPERTY + " is set"))
                : ConditionOutcome.noMatch(message.because(PROPERTY + " is " + type));
    }
}
