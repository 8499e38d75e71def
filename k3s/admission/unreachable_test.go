package admission

import (
	"context"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/kube-aggregator/pkg/apis/apiregistration"
	"k8s.io/kubernetes/pkg/apis/admissionregistration"
)

func TestWhatTheControlPlaneCannotReachIsRefused(t *testing.T) {
	plugin, err := NewUnreachable(nil)
	if err != nil {
		t.Fatal(err)
	}
	converts := func(strategy apiextensions.ConversionStrategyType) *apiextensions.CustomResourceDefinition {
		conversion := &apiextensions.CustomResourceConversion{Strategy: strategy}
		return &apiextensions.CustomResourceDefinition{Spec: apiextensions.CustomResourceDefinitionSpec{Conversion: conversion}}
	}
	for _, test := range []struct {
		name    string
		object  runtime.Object
		refused bool
	}{
		{"validating webhook", &admissionregistration.ValidatingWebhookConfiguration{Webhooks: make([]admissionregistration.ValidatingWebhook, 1)}, true},
		{"mutating webhook", &admissionregistration.MutatingWebhookConfiguration{Webhooks: make([]admissionregistration.MutatingWebhook, 1)}, true},
		{"conversion webhook", converts(apiextensions.WebhookConverter), true},
		{"aggregated API", &apiregistration.APIService{Spec: apiregistration.APIServiceSpec{Service: &apiregistration.ServiceReference{}}}, true},
		{"no webhook", &admissionregistration.ValidatingWebhookConfiguration{}, false},
		{"resource without conversion", &apiextensions.CustomResourceDefinition{}, false},
		{"resource of one shape", converts(apiextensions.NoneConverter), false},
		{"local API", &apiregistration.APIService{}, false},
	} {
		for _, operation := range []admission.Operation{admission.Create, admission.Update} {
			a := admission.NewAttributesRecord(test.object, nil, schema.GroupVersionKind{}, "", "x", schema.GroupVersionResource{}, "", operation, nil, false, nil)
			err := plugin.(admission.ValidationInterface).Validate(context.Background(), a, nil)
			if (err != nil) != test.refused {
				t.Errorf("%s, %s: %v", test.name, operation, err)
			}
		}
	}
}
