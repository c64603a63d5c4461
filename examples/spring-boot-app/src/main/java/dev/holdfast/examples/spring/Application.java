package dev.holdfast.examples.spring;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cache.annotation.EnableCaching;

/** Nothing but {@code @EnableCaching} and a property says that there is a cache, or where. */
@SpringBootApplication(proxyBeanMethods = false)
@EnableCaching
public class Application {

    /**
     * Runs the application.
     *
     * @param args properties
     */
    public static void main(String[] args) {
        SpringApplication.run(Application.class, args);
    }
}
