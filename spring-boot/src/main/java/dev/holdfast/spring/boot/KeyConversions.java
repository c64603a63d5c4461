package dev.holdfast.spring.boot;

import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.convert.ApplicationConversionService;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.convert.ConversionService;

/** Finds what makes texts of keys: the application's own conversions, or Spring Boot's with the converters that are beans. */
final class KeyConversions {
    private KeyConversions() {}

    static ConversionService of(ConfigurableListableBeanFactory beans) {
        String own = ConfigurableApplicationContext.CONVERSION_SERVICE_BEAN_NAME;
        if (beans.containsBean(own)) {
            return beans.getBean(own, ConversionService.class);
        }
        ApplicationConversionService conversions = new ApplicationConversionService();
        // Spring's last resort, toString() of whatever could be made of a String, may say the same of different keys.
        conversions.removeConvertible(Object.class, String.class);
        ApplicationConversionService.addBeans(conversions, beans);
        return conversions;
    }
}
