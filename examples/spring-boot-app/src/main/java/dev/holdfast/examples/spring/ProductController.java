package dev.holdfast.examples.spring;

import org.jspecify.annotations.Nullable;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** The products over HTTP. */
@RestController
class ProductController {
    private final Products products;

    ProductController(Products products) {
        this.products = products;
    }

    @GetMapping("/products/{id}")
    ResponseEntity<Product> product(@PathVariable long id) {
        @Nullable Product product = products.find(id);
        return product == null ? ResponseEntity.notFound().build() : ResponseEntity.ok(product);
    }

    @DeleteMapping("/products/{id}/cached")
    void changed(@PathVariable long id) {
        products.changed(id);
    }
}
