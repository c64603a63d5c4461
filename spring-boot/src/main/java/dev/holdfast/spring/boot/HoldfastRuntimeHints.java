package dev.holdfast.spring.boot;

import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.RuntimeHintsRegistrar;
import org.springframework.boot.context.properties.bind.BindableRuntimeHintsRegistrar;

/** What a native image must keep for the client: the properties that are bound by hand, the page of the monitor, the services it looks for. */
final class HoldfastRuntimeHints implements RuntimeHintsRegistrar {

    @Override
    public void registerHints(RuntimeHints hints, @Nullable ClassLoader classLoader) {
        BindableRuntimeHintsRegistrar.forTypes(RedisProperties.class).registerHints(hints, classLoader);
        hints.reflection().registerField(KeyText.simpleKeyParts());
        hints.resources()
                .registerPattern("META-INF/services/dev.holdfast.*")
                .registerPattern("dev/holdfast/cache/monitor/page.html");
    }
}
