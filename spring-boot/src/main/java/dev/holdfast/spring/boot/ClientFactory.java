package dev.holdfast.spring.boot;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.CacheClientBuilder;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.context.ApplicationEventPublisher;

/** Opens the client, and says in the words of the properties why it can't be opened. */
final class ClientFactory {
    private static final Pattern VARIABLE = Pattern.compile("[A-Z][A-Z0-9]*(_[A-Z0-9]+)+");

    private final ClientSources sources;
    private final ObjectProvider<CacheClientBuilderCustomizer> customizers;
    private final ObjectProvider<ContextCarrier> carriers;
    private final ApplicationEventPublisher publisher;

    ClientFactory(
            ClientSources sources,
            ObjectProvider<CacheClientBuilderCustomizer> customizers,
            ObjectProvider<ContextCarrier> carriers,
            ApplicationEventPublisher publisher) {
        this.sources = sources;
        this.customizers = customizers;
        this.carriers = carriers;
        this.publisher = publisher;
    }

    CacheClient open(String name) {
        Settings settings = sources.settings();
        CacheClientBuilder builder = named(name).settings(settings);
        carriers.orderedStream().forEach(builder::contextCarrier);
        builder.on(CacheEvent.class, publisher::publishEvent);
        customizers.orderedStream().forEach(customizer -> customizer.customize(builder));
        try {
            return builder.build();
        } catch (CacheConfigException | CacheUnavailableException e) {
            throw explained(e, sources.properties());
        }
    }

    private static CacheClientBuilder named(String name) {
        try {
            return CacheClient.builder().name(name);
        } catch (IllegalArgumentException e) {
            throw new HoldfastConfigurationException(
                    "holdfast.name can't be had: " + e.getMessage(),
                    "Set holdfast.name to a word such as shop, or remove it.",
                    e);
        }
    }

    /** The same with properties in the place of the variables that they set. */
    static HoldfastConfigurationException explained(CacheException failure, Map<String, String> properties) {
        StringBuilder action = new StringBuilder();
        Matcher variables = VARIABLE.matcher(String.valueOf(failure.getMessage()));
        String description = variables.replaceAll(found -> {
            String property = properties.getOrDefault(found.group(), found.group());
            if (properties.containsKey(found.group()) && action.indexOf(property) < 0) {
                action.append(action.isEmpty() ? "Check " : ", ").append(property);
            }
            return Matcher.quoteReplacement(property);
        });
        return new HoldfastConfigurationException(
                "The cache client does not open: " + description,
                action.isEmpty()
                        ? "Set the property or the variable that is named there."
                        : action.append('.').toString(),
                failure);
    }
}
